import {
  type BlobInfo,
  collectionOf,
  type CollectionState,
  type Digest,
  dropLabels,
  type ImageIndex,
  ingestLease,
  isOciError,
  type Store,
  timeOf,
  withCollection,
} from "../../core/mod.ts";
import { editState, removeLists } from "./state.ts";

/** Closes an epoch: the state says so first, then the index, then what was only needed meanwhile goes. */
export async function finish(
  store: Store,
  state: CollectionState,
  removed: Iterable<BlobInfo>,
): Promise<void> {
  const done = await editState(store, state.run, (now) => ({ ...now, phase: "done" }));
  await close(store, state);
  await dropLabels(store, digestsOf(removed));
  if (done) await removeLists(store, state);
}

function* digestsOf(blobs: Iterable<BlobInfo>): Generator<Digest> {
  for (const { digest } of blobs) yield digest;
}

/** Lets the index say that a run is over, if it still says that it is not. */
export async function close(
  store: Store,
  { epoch, run }: Pick<CollectionState, "epoch" | "run">,
): Promise<void> {
  const isOpen = (index: ImageIndex) => {
    const now = collectionOf(index);
    return now.epoch === epoch && now.run === run && now.state === "open";
  };
  if (!isOpen(await store.root.load())) return;
  await store.root.edit(
    (index) => isOpen(index) ? withCollection(index, { epoch, run, state: "done" }) : index,
    store.signal,
  );
}

/** Removes writes untouched for `age` milliseconds that nobody has open. */
export async function expireIngests(store: Store, age: number): Promise<number> {
  const before = await timeOf(store) - age;
  let expired = 0;
  for (const status of await Array.fromAsync(store.backend.blobs.ingests())) {
    if (status.updatedAt.getTime() > before) continue;
    try {
      await using _lease = await store.lock.acquire(ingestLease(status.ref));
      await store.backend.blobs.abort(status.ref);
      expired++;
    } catch (error) {
      if (!isOciError(error, "locked", "not_found")) throw error;
    }
  }
  return expired + (await store.backend.blobs.tidy?.(new Date(before)) ?? 0);
}
