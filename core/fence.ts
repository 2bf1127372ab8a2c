// The writer's half of the collection protocol: what is relied on was made sure of in the epoch of the index that the
// swap is based on. A collector moves the epoch on by a swap of its own, and so fails every swap that counted on less.
import type { BlobInfo, Blobs } from "./backend.ts";
import type { Digest } from "./digest.ts";
import { isOciError } from "./errors.ts";
import type { ImageIndex } from "./image_index.ts";

/** Epoch, state and run of the last collection. */
const GC = "dev.stowage.gc";
/** Stamps that are kept; what is forgotten is looked up again. */
const MOST = 100_000;

/** The epoch of an index: the number of collections that have fenced it. */
export function epochOf(index: ImageIndex): number {
  const value: unknown = index.annotations?.[GC];
  return typeof value === "string" ? Number.parseInt(value, 10) || 0 : 0;
}

/** The index in the next epoch. */
export function fenced(index: ImageIndex, state: "open" | "void" | "done", run: string): ImageIndex {
  const gc = `${epochOf(index) + 1} ${state} ${run}`;
  return { ...index, annotations: { ...index.annotations, [GC]: gc } };
}

/** What one open layout has made sure of. */
export interface Stamps {
  /** Notes that a blob is there, stored or adopted in that epoch. */
  set(blob: BlobInfo, epoch: number): void;
  /** Forgets a blob. */
  delete(digest: Digest): void;
  /** Makes sure of a blob in that epoch: adopts it if it is there, and gives its size. */
  ensure(digest: Digest, epoch: number): Promise<number | undefined>;
}

/** Stamps of blobs in a store. */
export function createStamps(blobs: Blobs): Stamps {
  const stamps = new Map<Digest, { epoch: number; size: number }>();
  const set = ({ digest, size }: BlobInfo, epoch: number) => {
    stamps.delete(digest);
    stamps.set(digest, { epoch, size });
    if (stamps.size <= MOST) return;
    for (const oldest of stamps.keys()) return void stamps.delete(oldest);
  };
  return {
    set,
    delete: (digest) => void stamps.delete(digest),
    async ensure(digest, epoch) {
      const stamp = stamps.get(digest);
      if (stamp?.epoch === epoch) return stamp.size;
      const blob = await adopt(blobs, digest);
      if (blob) set(blob, epoch);
      return blob?.size;
    },
  };
}

/** A stored blob, adopted: a collector that saw it before cannot delete it any more. */
export async function adopt(blobs: Blobs, digest: Digest): Promise<BlobInfo | undefined> {
  while (true) {
    const seen = await blobs.stat(digest);
    if (!seen || !blobs.renew) return seen;
    try {
      return await blobs.renew(seen);
    } catch (error) {
      // Another copy stands there now, or none: look again.
      if (!isOciError(error, "conflict")) throw error;
    }
  }
}
