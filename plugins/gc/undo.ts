import {
  type Descriptor,
  type Digest,
  isOciError,
  nameOf,
  OciError,
  shardsOf,
  type Store,
  transact,
  withPhase,
} from "../../core/mod.ts";
import { close } from "./finish.ts";
import { editState, loadState, readDrops } from "./state.ts";
import { awaitDeadlines, batchOf } from "./sweep.ts";

/** What an undo brought back. */
export interface Undone {
  /** Entries that are listed again. */
  readonly entries: readonly Descriptor[];
  /** Entries whose name was taken meanwhile, or whose bytes are gone. */
  readonly left: readonly Descriptor[];
  /** Blobs back from the trash. */
  readonly blobs: readonly Digest[];
}

/**
 * Takes the last collection back: what has not been swept stays, what lies in the trash returns, and entries are listed
 * again where their name is free.
 *
 * @throws {OciError} `not_found` if there is nothing to take back.
 */
export async function undo(store: Store): Promise<Undone> {
  await using _lease = await store.lock.acquire("gc");
  const state = await loadState(store);
  if (!state) throw new OciError("not_found", "Cannot undo: there was no collection");
  const { run } = state;
  const drops = await readDrops(store, state);
  const ended = await editState(store, run, (now) => {
    const left = shardsOf(now).filter(({ kind, at }) => now.shards[kind][at] === "C");
    return left.length > 0 ? withPhase(now, left, "X") : now;
  });
  // Nothing can be claimed any more, but what was claimed may still be on its way.
  for (const kind of ["n", "l"] as const) if (ended) await awaitDeadlines(store, ended, kind);
  await editState(store, run, (now) => ({ ...now, phase: "done" }));
  const blobs = await restoreBatch(store, batchOf(state));
  await close(store, state);
  const entries: Descriptor[] = [];
  const left: Descriptor[] = [];
  for (const entry of drops) (await listAgain(store, entry) ? entries : left).push(entry);
  if (state.phase === "done" && entries.length + blobs.length === 0) {
    throw new OciError(
      "not_found",
      "Cannot undo: nothing is left of the last collection to bring back",
    );
  }
  return { entries, left, blobs };
}

async function restoreBatch(store: Store, batch: string): Promise<Digest[]> {
  const { trash } = store.backend.blobs;
  const restored: Digest[] = [];
  if (!trash) return restored;
  for (const one of await Array.fromAsync(trash.list())) {
    if (one.batch === batch && await trash.restore(batch, one.digest)) restored.push(one.digest);
  }
  return restored;
}

/** Lists an entry again; false if its name is taken or its closure is not there. */
async function listAgain(store: Store, entry: Descriptor): Promise<boolean> {
  const name = nameOf(entry);
  try {
    await transact(store, async (tx) => {
      if (name === undefined) tx.insert(entry);
      else await tx.tag(entry, name, { expect: null });
    });
    return true;
  } catch (error) {
    if (isOciError(error, "already_exists", "not_found")) return false;
    throw error;
  }
}
