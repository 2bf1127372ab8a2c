import { Buffer } from "node:buffer";
import type { Docs } from "./backend.ts";
import { randomHex } from "./clock.ts";
import { type ErrorCode, isOciError, OciError } from "./errors.ts";
import { type Collection, collectionOf, epochOf, withCollection } from "./fence.ts";
import type { Awaitable } from "./hook.ts";
import { type ImageIndex, rowsBehind } from "./image_index.ts";
import { createReader, INDEX, type ReaderOptions, type Seen } from "./index_reader.ts";
import { parseIndex, printSealed } from "./index_text.ts";
import { holdsNonce, signed } from "./nonce.ts";

const BATCH = 256;
/** Between attempts, in milliseconds: longer ones would only leave the unlucky behind. */
const LONGEST_PAUSE = 500;

/**
 * An edit that knows its own precondition: throw to be rejected, alone. It runs again on every attempt, so it must have
 * no effect besides its result.
 */
export type Operation = (index: ImageIndex) => Awaitable<ImageIndex>;

/** What an edit did: the index it was applied to, and the one it gave. */
export interface Edited {
  /** As it was. */
  readonly before: ImageIndex;
  /** As it is now. */
  readonly after: ImageIndex;
}

/** The index of a layout: read as it is now, edited by compare-and-swap. */
export interface Root {
  /** The index as it is now; throws `corrupt`, with the reason `missing` or `empty` where nothing is said. */
  load(): Promise<ImageIndex>;
  /**
   * The epoch of the index that is being edited, else of the one seen last: what a writer makes sure of from now on is
   * stamped with it.
   */
  readonly epoch: number;
  /** What that index says of collections; `void`, in a run of its own, where another program has written it. */
  readonly collection: Collection;
  /** Names the time between two fences, or rewrites by others: what was made sure of in it counts for nothing later. */
  readonly era: string;
  /** Applies an edit and publishes it; edits that arrive during a swap share the next one. */
  edit(operation: Operation, signal?: AbortSignal): Promise<Edited>;
}

/** How the index is read and written. */
export interface RootOptions extends ReaderOptions {
  /** Milliseconds before lost swaps become `conflict`. */
  readonly wait: number;
}

interface Waiting {
  readonly operation: Operation;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (edited: Edited) => void;
  readonly reject: (reason: unknown) => void;
}

/** Whether an index, as it was read, was written by another program, which may have dropped what ours had said. */
export function isForeign(index: ImageIndex): boolean {
  if (rowsBehind(index)) return false;
  return index.manifests.length > 0 || index.annotations !== undefined;
}

/** What an index says of collections. Where others have written it, nothing holds beyond this very text. */
function standing({ doc, index }: Seen): Collection {
  const said = collectionOf(index);
  return isForeign(index) ? { ...said, state: "void", run: `as of ${doc.version}` } : said;
}

/** The index kept in `docs`. */
export function openRoot(docs: Docs, options: RootOptions): Root {
  const { url, clock, wait, limit } = options;
  const reader = createReader(docs, options);
  const writer = randomHex(clock, 16);
  let swaps = 0;
  let base: Seen | undefined;
  let queue: Waiting[] = [];
  let pumping = false;

  /**
   * Applies what is waiting, in order; one that throws is rejected and leaves no mark. A fence is the last of its swap:
   * what comes after it must make sure of its blobs anew.
   */
  async function apply(batch: readonly Waiting[], index: ImageIndex) {
    const done: { waiting: Waiting; edited: Edited }[] = [];
    let after = index;
    for (const [at, waiting] of batch.entries()) {
      if (epochOf(after) !== epochOf(index)) return { done, after, rest: batch.slice(at) };
      try {
        waiting.signal?.throwIfAborted();
        const before = after;
        after = await waiting.operation(before);
        done.push({ waiting, edited: { before, after } });
      } catch (error) {
        waiting.reject(error);
      }
    }
    return { done, after, rest: [] };
  }

  async function commit(batch: readonly Waiting[]): Promise<void> {
    const until = clock.elapsed() + wait;
    const nonce = `${writer}.${++swaps}`;
    let waiting = batch;
    for (let attempt = 0; waiting.length > 0; attempt++) {
      const seen = base = await reader.look();
      const { done, after, rest } = await apply(waiting, seen.index);
      waiting = done.map((one) => one.waiting);
      queue = [...rest, ...queue];
      const resolve = () => done.forEach((one) => one.waiting.resolve(one.edited));
      if (after === seen.index) return resolve();
      const text = printSealed(signed(marked(seen, after), nonce));
      // A character has three bytes at most, so most texts need not be counted.
      if (text.length * 3 > limit && Buffer.byteLength(text) > limit) {
        if (waiting.length === 1) throw failure("size_exceeded", `it would pass ${limit} bytes`);
        for (const one of waiting) await commitOrReject([one]);
        return;
      }
      const doc = await swap(text, seen, nonce, until);
      if (doc) {
        reader.last = { doc, index: parseIndex(doc.text, { own: doc.text === text }) };
        return resolve();
      }
      const left = until - clock.elapsed();
      if (left <= 0) throw failure("conflict", `others were first for ${wait} ms`);
      await clock.sleep(clock.random() * Math.min(LONGEST_PAUSE, 5 * 2 ** attempt, left));
    }
  }

  /** Swaps until the outcome is known: the document that holds our text, or nothing if another was first. */
  async function swap(text: string, seen: Seen, nonce: string, until: number) {
    let doubt: OciError | undefined;
    while (true) {
      let failed: unknown;
      try {
        return await docs.swap(INDEX, text, seen.doc);
      } catch (error) {
        if (isOciError(error, "unavailable") && error.reason === "unknown") doubt ??= error;
        failed = doubt ?? error;
        if (!doubt && !isOciError(error, "conflict")) throw error;
      }
      try {
        const now = await reader.look();
        if (holdsNonce(now.index, nonce)) return now.doc;
        if (now.doc.version !== seen.doc.version) return undefined;
      } catch (error) {
        if (!doubt && !isOciError(error, "unavailable")) throw error;
        // What stands there now may stand on ours: only a look could tell.
        doubt ??= unsure(error);
        failed = doubt;
      }
      // Nobody was first, so the same text may be sent again: whichever lands first makes the other fail.
      if (clock.elapsed() >= until) throw failed;
      await clock.sleep(clock.random() * 100);
    }
  }

  async function commitOrReject(batch: readonly Waiting[]): Promise<void> {
    try {
      await commit(batch);
    } catch (error) {
      // What stands behind a fence was put back: it has its own attempt.
      const later = new Set(queue);
      for (const waiting of batch) if (!later.has(waiting)) waiting.reject(error);
    } finally {
      base = undefined;
    }
  }

  async function pump(): Promise<void> {
    pumping = true;
    while (queue.length > 0) {
      const batch = queue.slice(0, BATCH);
      queue = queue.slice(BATCH);
      await commitOrReject(batch);
    }
    pumping = false;
  }

  function collection(): Collection {
    const seen = base ?? reader.last;
    return seen ? standing(seen) : { epoch: 0, state: "done", run: "" };
  }

  /** A rewrite by others may have taken the epoch back, so the next commit leaves a mark that was never there before. */
  function marked({ index }: Seen, after: ImageIndex): ImageIndex {
    const epoch = epochOf(index);
    if (!isForeign(index) || epochOf(after) !== epoch) return after;
    return withCollection(after, { epoch, state: "void", run: randomHex(clock, 16) });
  }

  function failure(code: ErrorCode, why: string, cause?: unknown): OciError {
    return new OciError(code, `Cannot write "${INDEX}": ${why}`, { url: url.href, cause });
  }

  function unsure(cause: unknown): OciError {
    const message = `Cannot write "${INDEX}": it may or may not have been applied`;
    return new OciError("unavailable", message, { reason: "unknown", url: url.href, cause });
  }

  return {
    load: async () => (await reader.look()).index,
    get epoch() {
      return collection().epoch;
    },
    get collection() {
      return collection();
    },
    get era() {
      const { epoch, run } = collection();
      return `${epoch} ${run}`;
    },
    edit(operation, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<Edited>();
      // A swap under way may still land: like after a crash, an edit nobody was told of may have happened.
      const stop = () => reject(failure("aborted", "the call was aborted", signal?.reason));
      if (signal?.aborted) stop();
      signal?.addEventListener("abort", stop, { once: true });
      queue.push({ operation, signal, resolve, reject });
      if (!pumping) void pump();
      return promise.finally(() => signal?.removeEventListener("abort", stop));
    },
  };
}
