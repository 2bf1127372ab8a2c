// The writer's half of the collection protocol: what is relied on was made sure of in the epoch of the index that the
// swap is based on. A collector moves the epoch on by a swap of its own, and so fails every swap that counted on less.
import type { BlobInfo, Blobs } from "./backend.ts";
import type { Digest } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import { type ImageIndex, withMembers } from "./image_index.ts";

/** Epoch, state and run of the last collection. */
const GC = "dev.stowage.gc";
/** Stamps that are kept; what is forgotten is looked up again. */
const MOST = 100_000;
/** Times that a copy may be replaced under our hands before that is an error. */
const TRIES = 100;

/** What an index says of collections. */
export interface Collection {
  /** The number of collections that have fenced it. */
  readonly epoch: number;
  /** `open` while one goes on; `void` if it may not go on. */
  readonly state: "open" | "void" | "done";
  /** Names the last one. */
  readonly run: string;
}

/** What an index says of the last collection. */
export function collectionOf(index: ImageIndex): Collection {
  const value: unknown = index.annotations?.[GC];
  const [epoch = "", state = "done", run = ""] = typeof value === "string" ? value.split(" ") : [];
  return {
    epoch: Number.parseInt(epoch, 10) || 0,
    state: state === "open" || state === "void" ? state : "done",
    run,
  };
}

/** The index with another word on collections. */
export function withCollection(index: ImageIndex, { epoch, state, run }: Collection): ImageIndex {
  const annotations = { ...index.annotations, [GC]: `${epoch} ${state} ${run}` };
  return withMembers(index, { annotations });
}

/** The epoch of an index: the number of collections that have fenced it. */
export function epochOf(index: ImageIndex): number {
  return collectionOf(index).epoch;
}

/** Whether a collection has fenced the index and not ended yet. */
export function isCollecting(index: ImageIndex): boolean {
  return collectionOf(index).state === "open";
}

/** The index in the next epoch, after a collection that is over with its fence. */
export function fenced(index: ImageIndex, run: string): ImageIndex {
  return withCollection(index, { epoch: epochOf(index) + 1, state: "done", run });
}

/** What one open layout has made sure of. */
export interface Stamps {
  /** Notes that a blob is there, stored or adopted in that era. */
  set(blob: BlobInfo, era: string): void;
  /** The size of a blob that was made sure of in that era; undefined if it was not. */
  sizeOf(digest: Digest, era: string): number | undefined;
  /** Forgets a blob. */
  delete(digest: Digest): void;
  /** Makes sure of a blob in that era: adopts it if it is there, and gives its size. */
  ensure(digest: Digest, era: string): Promise<number | undefined>;
  /** Waits until no collector can take a blob that is looked up, or published, from now on. */
  consult(digest: Digest): Promise<void>;
  /** A stored blob, adopted: a collector that saw it before cannot delete it any more. */
  adopt(digest: Digest): Promise<BlobInfo | undefined>;
  /** Runs what publishes a blob; one at a time for each digest. */
  inTurn<T>(digest: Digest, act: () => Promise<T>): Promise<T>;
}

/** Stamps of blobs in a store; `consult` where copies cannot be renewed. */
export function createStamps(
  blobs: Blobs,
  consult: Stamps["consult"] = () => Promise.resolve(),
): Stamps {
  const stamps = new Map<Digest, { era: string; size: number }>();
  const turns = new Map<Digest, Promise<unknown>>();
  const set = ({ digest, size }: BlobInfo, era: string) => {
    stamps.delete(digest);
    stamps.set(digest, { era, size });
    if (stamps.size <= MOST) return;
    for (const oldest of stamps.keys()) return void stamps.delete(oldest);
  };
  const adopt = async (digest: Digest) => {
    await consult(digest);
    return await adoptCopy(blobs, digest);
  };
  const sizeOf = (digest: Digest, era: string) => {
    const stamp = stamps.get(digest);
    return stamp?.era === era ? stamp.size : undefined;
  };
  return {
    set,
    consult,
    adopt,
    sizeOf,
    delete: (digest) => void stamps.delete(digest),
    async ensure(digest, era) {
      const size = sizeOf(digest, era);
      if (size !== undefined) return size;
      const blob = await adopt(digest);
      if (blob) set(blob, era);
      return blob?.size;
    },
    async inTurn(digest, act) {
      const before = turns.get(digest);
      const turn = (async () => {
        await before?.catch(() => {});
        return await act();
      })();
      turns.set(digest, turn);
      try {
        return await turn;
      } finally {
        if (turns.get(digest) === turn) turns.delete(digest);
      }
    },
  };
}

/** A stored blob as a new copy, where there are copies. */
async function adoptCopy(blobs: Blobs, digest: Digest): Promise<BlobInfo | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    const seen = await blobs.stat(digest);
    if (!seen || !blobs.renew) return seen;
    try {
      return await blobs.renew(seen);
    } catch (error) {
      // Another copy stands there now, or none: look again.
      if (!isOciError(error, "conflict")) throw error;
    }
  }
  throw new OciError("conflict", `Cannot adopt ${digest}: others keep replacing it`, { digest });
}
