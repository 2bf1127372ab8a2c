import { type Digest, isUsable, type Store, timeOf } from "../../core/mod.ts";
import { type Mark, startMark } from "./mark.ts";

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

/**
 * Brings back what was deleted and is reachable all the same, which only a program that does not know the protocol can
 * bring about. A manifest that returns may reach more, so it looks again. What cannot come back is `missed`.
 */
export async function bringBack(
  store: Store,
  lying: readonly Lying[],
  mark?: Mark,
): Promise<{ back: readonly Digest[]; missed: readonly Digest[] }> {
  const { stat, trash } = store.backend.blobs;
  const back: Digest[] = [];
  for (let known = mark;; known = undefined) {
    const index = await store.root.load();
    known ??= startMark(store, index);
    await known.add(index.manifests.filter(isUsable));
    const before = back.length;
    const missed: Digest[] = [];
    for (const { batch, digest } of lying) {
      if (!known.live.has(digest) || await stat(digest)) continue;
      (await trash?.restore(batch, digest) ? back : missed).push(digest);
    }
    if (back.length === before) return { back, missed };
  }
}

/** Empties the trash of what has lain there for `keep` milliseconds; what is reachable comes back, however young. */
export async function emptyTrash(
  store: Store,
  keep: number,
  mark: Mark,
): Promise<TrashSum & { readonly back: readonly Digest[] }> {
  const { trash } = store.backend.blobs;
  const lying = await Array.fromAsync(trash?.list() ?? []);
  if (!trash || lying.length === 0) return { bytes: 0, back: [] };
  const { back } = await bringBack(store, lying, mark);
  const returned = new Set(back);
  const before = await timeOf(store) - keep;
  let [bytes, last] = [0, -Infinity];
  for (const { batch, digest, size, removed } of lying) {
    if (returned.has(digest)) continue;
    if (removed.getTime() <= before) await trash.purge(batch, digest);
    else [bytes, last] = [bytes + size, Math.max(last, removed.getTime())];
  }
  return { bytes, back, ...(last === -Infinity ? {} : { until: last + keep }) };
}
