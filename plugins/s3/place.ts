import { OciError, type OpenMode } from "../../core/mod.ts";
import type { AbilityHolder } from "./ability_holder.ts";
import type { Client } from "./client.ts";

/** What the parts of one opened bucket share. */
export interface Place {
  readonly client: Client;
  readonly mode: OpenMode;
  /** What the store can do. */
  readonly ability: AbilityHolder;
  /** Runs what writes a key where nobody else does, one at a time within this program. */
  inTurn<T>(key: string, act: () => Promise<T>): Promise<T>;
  /** Something odd was found. */
  readonly notice: (code: string, message: string) => void;
  /** Throws `read_only` unless it was opened for writing. */
  assertWritable(action: string): void;
}

/** Turns by name, for as long as a program runs. */
export type Turns = Map<string, Promise<unknown>>;

/** Runs acts of one name one after the other. */
export async function inTurn<T>(turns: Turns, name: string, act: () => Promise<T>): Promise<T> {
  const before = turns.get(name);
  const turn = (async () => {
    await before?.catch(() => {});
    return await act();
  })();
  turns.set(name, turn);
  try {
    return await turn;
  } finally {
    if (turns.get(name) === turn) turns.delete(name);
  }
}

/** Throws `read_only` in the mode `read`. */
export function writableIn(mode: OpenMode, { where }: Client): (action: string) => void {
  return (action) => {
    if (mode !== "read") return;
    const message = `Cannot ${action}: the place was opened to read`;
    throw new OciError("read_only", message, { url: where.url });
  };
}
