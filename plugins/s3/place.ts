import { OciError, type OpenMode } from "../../core/mod.ts";
import type { AbilityHolder } from "./ability_holder.ts";
import type { Client } from "./client.ts";

/** What the parts of one opened bucket share. */
export interface Place {
  readonly client: Client;
  readonly mode: OpenMode;
  /** What the store can do. */
  readonly ability: AbilityHolder;
  /** Something odd was found. */
  readonly notice: (code: string, message: string) => void;
  /** Throws `read_only` unless it was opened for writing. */
  assertWritable(action: string): void;
}

/** Throws `read_only` in the mode `read`. */
export function writableIn(mode: OpenMode, { where }: Client): (action: string) => void {
  return (action) => {
    if (mode !== "read") return;
    const message = `Cannot ${action}: the place was opened to read`;
    throw new OciError("read_only", message, { url: where.url });
  };
}
