import { AsyncLocalStorage } from "node:async_hooks";
import { checkClosure } from "./closure.ts";
import type { Descriptor } from "./descriptor.ts";
import { type Digest, isDigest } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import type { ImageIndex } from "./image_index.ts";
import { entryOf, usable } from "./index_entries.ts";
import { added, listsSame } from "./index_edits.ts";
import { isSparse, noteFacts } from "./layout_file.ts";
import { runAfterTag, runBeforeTag } from "./run_hooks.ts";
import { assertWritable, type Store, timeOf } from "./store.ts";
import { beginTransaction, type Transaction } from "./transaction.ts";

/** So many digests are looked for in the index; for more, all that it lists is taken down once. */
const FEW = 16;
/** The layouts whose transactions the running code is part of. */
const inside = new AsyncLocalStorage<readonly Store[]>();

/**
 * Runs `fn` on the index as it is now and publishes its edits in one swap, all or nothing; again from the start if
 * others were first. What is listed anew is complete, hooks have agreed.
 */
export async function transact<T>(
  store: Store,
  fn: (tx: Transaction) => T | Promise<T>,
): Promise<T> {
  assertWritable(store, "edit the index");
  const outer = assertOutside(store);
  let result: { value: T; named: readonly Descriptor[] } | undefined;
  // Whoever edits first runs the edits of all who wait: each in the context of its own caller.
  const here = AsyncLocalStorage.snapshot();
  const editing = store.root.edit(
    (before) =>
      here(() =>
        inside.run([...outer, store], async () => {
          const tx = beginTransaction(store, before, new Date(await timeOf(store)).toISOString());
          const value = await fn(tx);
          const { index, named } = await runBeforeTag(store, before, tx);
          const incomplete = await checkAdded(store, before, index, tx.sparse);
          if (incomplete) await declareSparse(store);
          result = { value, named };
          return listsSame(before, index) ? before : index;
        })
      ),
    store.signal,
  );
  const { after } = await editing.catch((error) => {
    // It may have been adopted, and could not be read when it was needed.
    if (isOciError(error) && isDigest(error.digest)) store.stamps.delete(error.digest);
    throw error;
  });
  if (result === undefined) throw new Error("an edit resolved without having run");
  await runAfterTag(store, after, result.named);
  return result.value;
}

/** Throws `invalid` inside a transaction of this layout, which would wait for itself; gives those of other layouts. */
export function assertOutside(store: Store): readonly Store[] {
  const outer = inside.getStore() ?? [];
  if (!outer.includes(store)) return outer;
  throw new OciError("invalid", "Cannot begin a transaction inside another one of this layout");
}

/**
 * Makes sure of all that is listed anew, so that no collector takes it. Whether something is missing, and is accepted
 * for the first time; throws `not_found` where it is not accepted.
 */
async function checkAdded(
  store: Store,
  before: ImageIndex,
  after: ImageIndex,
  sparse: boolean,
): Promise<boolean> {
  let listed: Set<Digest> | undefined;
  let looks = 0;
  const isListed = (digest: Digest) => {
    if (looks++ < FEW) return entryOf(before, digest) !== undefined;
    listed ??= new Set(usable(before).map((entry) => entry.digest));
    return listed.has(digest);
  };
  let incomplete = false;
  for (const entry of added(before, after)) {
    const same = ({ mediaType, size }: Descriptor) =>
      mediaType === entry.mediaType && size === entry.size;
    if (entryOf(before, entry.digest, same)) continue;
    try {
      await checkClosure(store, entry, isListed);
    } catch (error) {
      if (!isOciError(error, "not_found")) throw error;
      if (!await isSparse(store) && !sparse) throw error;
      incomplete ||= !store.sparse;
    }
  }
  return incomplete;
}

/** Declares that children may be missing from this layout. */
export async function declareSparse(store: Store): Promise<void> {
  await noteFacts(store.backend.docs, { sparse: true }, store);
  store.sparse = true;
}
