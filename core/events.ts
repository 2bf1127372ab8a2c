import type { Digest } from "./digest.ts";

/** Sums of what a transfer did. */
export interface Tally {
  /** Blobs looked at, manifests included. */
  readonly blobs: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Blobs whose bytes were moved. */
  readonly sent: number;
  /** Bytes moved. */
  readonly sentBytes: number;
  /** Blobs that were there already. */
  readonly skipped: number;
  /** Blobs taken without moving their bytes. */
  readonly adopted: number;
  /** Blobs gone on with where an earlier try had stopped. */
  readonly resumed: number;
  /** Duration. */
  readonly seconds: number;
}

/** What happens while something runs: the same for callbacks, progress and summary. */
export type ProgressEvent =
  | {
    readonly type: "start";
    readonly id: string;
    readonly action: string;
    readonly place: string;
    readonly blobs?: number;
    readonly bytes?: number;
  }
  | {
    readonly type: "blob";
    readonly id: string;
    readonly digest: Digest;
    readonly state: "moving" | "done" | "skipped" | "adopted" | "failed";
    readonly done: number;
    readonly total?: number;
  }
  | {
    /** Bytes that are taken in before their digest is known; `ended` once they are a blob, or have failed. */
    readonly type: "ingest";
    readonly id: string;
    readonly name: string;
    readonly done: number;
    readonly total?: number;
    readonly ended?: true;
  }
  | {
    readonly type: "reference";
    readonly id: string;
    readonly name: string;
    readonly digest: Digest;
    readonly previous?: Digest;
  }
  | {
    readonly type: "notice";
    readonly id: string;
    readonly code: string;
    readonly message: string;
    readonly digest?: Digest;
    readonly ref?: string;
  }
  | { readonly type: "end"; readonly id: string; readonly ok: boolean; readonly tally: Tally };

/** Told of each event, synchronously. What it throws fails the call. */
export type OnEvent = (event: ProgressEvent) => void;

const EVERY = 100;

/** Counts a transfer and tells of it: at most ten times a second per blob. */
export interface Meter {
  readonly tally: () => Tally;
  /** A blob was met; its size is counted once. */
  meet(size: number): void;
  /** Bytes of a blob that have been moved so far. */
  moving(digest: Digest, done: number, total: number): void;
  /** Bytes that have been taken in so far of what has no digest yet. */
  taking(name: string, done: number, total?: number): void;
  /** All of it was taken in, or it failed. */
  taken(name: string, done: number): void;
  /** A blob is in place. */
  settle(
    digest: Digest,
    size: number,
    state: "done" | "skipped" | "adopted",
    resumed?: number,
  ): void;
  /** A blob could not be moved. */
  fail(digest: Digest, size: number): void;
  /** A name was set. */
  reference(name: string, digest: Digest, previous?: Digest): void;
  /** Told once, last; gives the sums. */
  end(ok: boolean): Tally;
}

/** Starts counting. */
export function startMeter(
  action: string,
  place: string,
  clock: { elapsed(): number },
  onEvent: OnEvent = () => {},
): Meter {
  const id = action;
  const started = clock.elapsed();
  const told = new Map<string, number>();
  /** Whether it is time to tell of this again. */
  const isDue = (what: string) => {
    const now = clock.elapsed();
    if (now - (told.get(what) ?? -EVERY) < EVERY) return false;
    told.set(what, now);
    return true;
  };
  const sums = { blobs: 0, bytes: 0, sent: 0, sentBytes: 0, skipped: 0, adopted: 0, resumed: 0 };
  onEvent({ type: "start", id, action, place });
  const tally = () => ({ ...sums, seconds: (clock.elapsed() - started) / 1000 });
  return {
    tally,
    meet(size) {
      sums.blobs++;
      sums.bytes += Math.max(0, size);
    },
    moving(digest, done, total) {
      if (isDue(digest)) onEvent({ type: "blob", id, digest, state: "moving", done, total });
    },
    taking(name, done, total) {
      if (!isDue(name)) return;
      onEvent({ type: "ingest", id, name, done, ...(total === undefined ? {} : { total }) });
    },
    taken(name, done) {
      told.delete(name);
      onEvent({ type: "ingest", id, name, done, ended: true });
    },
    settle(digest, size, state, resumed = 0) {
      told.delete(digest);
      if (state === "done") {
        sums.sent++;
        sums.sentBytes += size - resumed;
        if (resumed > 0) sums.resumed++;
      } else sums[state]++;
      onEvent({ type: "blob", id, digest, state, done: size, total: size });
    },
    fail(digest, size) {
      told.delete(digest);
      onEvent({ type: "blob", id, digest, state: "failed", done: 0, total: size });
    },
    reference: (name, digest, previous) =>
      onEvent({ type: "reference", id, name, digest, ...(previous ? { previous } : {}) }),
    end(ok) {
      const sums = tally();
      onEvent({ type: "end", id, ok, tally: sums });
      return sums;
    },
  };
}
