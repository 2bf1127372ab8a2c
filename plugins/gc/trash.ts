import { type BlobInfo, type Digest, isUsable, type Store, timeOf } from "../../core/mod.ts";
import { createBlobList } from "./blob_list.ts";
import { type Mark, startMark } from "./mark.ts";
import { thrift } from "./thrift.ts";

/** What lies in the trash. */
export interface TrashSum {
  readonly bytes: number;
  /** Until when the last of it can come back, in milliseconds. */
  readonly until?: number;
}

/** A blob of the trash. */
interface Lying {
  readonly batch: string;
  readonly digest: Digest;
}

/** What one batch has put there. */
export function lyingIn(batch: string, blobs: Iterable<BlobInfo>): Iterable<Lying> {
  return {
    *[Symbol.iterator]() {
      for (const { digest } of blobs) yield { batch, digest };
    },
  };
}

/** How often an index that moves on is looked at again before something is called damage. */
const LOOKS = 10;

/**
 * Brings back what was deleted and is reachable all the same, which only a program that does not know the protocol can
 * bring about. A manifest that returns may reach more, so it looks again. What cannot come back is `missed`.
 */
export async function bringBack(
  store: Store,
  lying: Iterable<Lying>,
  mark?: Mark,
): Promise<{ back: readonly Digest[]; missed: readonly Digest[] }> {
  const { stat, trash } = store.backend.blobs;
  const back: Digest[] = [];
  let known = mark;
  for (let looks = 1;; looks++) {
    const index = await store.root.load();
    const isFresh = !known;
    known ??= startMark(store, index);
    thrift();
    await known.add(index.manifests.filter(isUsable));
    thrift();
    const before = back.length;
    const missed: Digest[] = [];
    for (const { batch, digest } of lying) {
      if (!known.live.has(digest) || await stat(digest)) continue;
      (await trash?.restore(batch, digest) ? back : missed).push(digest);
    }
    // What is missed may have been let go since, and collected by another: only of this very index is it damage.
    const isSure = missed.length === 0 || looks >= LOOKS ||
      (isFresh && await store.root.load() === index);
    if (back.length === before && isSure) return { back, missed };
    known = undefined;
  }
}

/**
 * Empties the trash of what has lain there for `keep` milliseconds; what is reachable comes back, however young. Of the
 * batch `fresh` nothing is.
 */
export async function emptyTrash(
  store: Store,
  keep: number,
  mark: Mark,
  fresh: string | undefined,
): Promise<TrashSum & { readonly back: readonly Digest[] }> {
  const { trash } = store.backend.blobs;
  if (!trash) return { bytes: 0, back: [] };
  if (keep === 0 && fresh !== undefined) await trash.purge(fresh);
  // As blobs of that time, whose version is their batch.
  const lying = createBlobList();
  for await (const { batch, digest, size, removed } of trash.list()) {
    lying.add({ digest, size, modified: removed, version: batch });
  }
  if (lying.length === 0) return { bytes: 0, back: [] };
  const { back } = await bringBack(store, {
    *[Symbol.iterator]() {
      for (const { digest, version = "" } of lying) yield { batch: version, digest };
    },
  }, mark);
  const returned = new Set(back);
  const before = await timeOf(store) - keep;
  let [bytes, last] = [0, -Infinity];
  for (const { version: batch = "", digest, size, modified } of lying) {
    if (returned.has(digest)) continue;
    const removed = modified?.getTime() ?? 0;
    if (removed <= before) await trash.purge(batch, digest);
    else [bytes, last] = [bytes + size, Math.max(last, removed)];
  }
  return { bytes, back, ...(last === -Infinity ? {} : { until: last + keep }) };
}
