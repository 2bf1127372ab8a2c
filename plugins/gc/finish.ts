import {
  type BlobInfo,
  collectionOf,
  type CollectionState,
  type Digest,
  dropLabels,
  hookContext,
  type ImageIndex,
  ingestLease,
  isOciError,
  isUsable,
  type Store,
  timeOf,
  withCollection,
} from "../../core/mod.ts";
import { startMark } from "./mark.ts";
import { editState, removeLists } from "./state.ts";

/** Closes an epoch: the state says so first, then the index, then what was only needed meanwhile goes. */
export async function finish(
  store: Store,
  state: CollectionState,
  removed: readonly BlobInfo[],
): Promise<void> {
  const done = await editState(store, state.run, (now) => ({ ...now, phase: "done" }));
  await close(store, state);
  await dropLabels(store, removed.map(({ digest }) => digest));
  if (done) await removeLists(store, state);
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

/**
 * What was removed and is reachable all the same can only come from a program that does not know the protocol: it comes
 * back from the trash, or is reported as damage.
 */
export async function lookBack(
  store: Store,
  removed: readonly BlobInfo[],
  batch: string,
): Promise<{ restored: Digest[]; damaged: Digest[] }> {
  const restored: Digest[] = [];
  const damaged: Digest[] = [];
  if (removed.length === 0) return { restored, damaged };
  const index = await store.root.load();
  const mark = startMark(store, hookContext(store, index));
  await mark.add(index.manifests.filter(isUsable));
  for (const { digest } of removed) {
    if (!mark.live.has(digest) || await store.backend.blobs.stat(digest)) continue;
    const back = await store.backend.blobs.trash?.restore(batch, digest) ?? false;
    (back ? restored : damaged).push(digest);
  }
  return { restored, damaged };
}

/**
 * Empties the trash of what has lain there for `keep` milliseconds. What is reachable by now comes back instead.
 */
export async function emptyTrash(store: Store, keep: number): Promise<{ bytes: number }> {
  const { trash } = store.backend.blobs;
  let bytes = 0;
  if (!trash) return { bytes };
  const before = await timeOf(store) - keep;
  const old: { batch: string; digest: Digest }[] = [];
  for await (const one of trash.list()) {
    if (one.removed.getTime() <= before) old.push(one);
    else bytes += one.size;
  }
  if (old.length === 0) return { bytes };
  const index = await store.root.load();
  const mark = startMark(store, hookContext(store, index));
  await mark.add(index.manifests.filter(isUsable));
  for (const { batch, digest } of old) {
    if (mark.live.has(digest) && !await store.backend.blobs.stat(digest)) {
      await trash.restore(batch, digest);
    } else await trash.purge(batch, digest);
  }
  return { bytes };
}

/** Removes named writes untouched for `age` milliseconds that nobody has open. */
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
  return expired;
}
