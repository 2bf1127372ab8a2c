import type { Doc, Docs } from "./backend.ts";
import { type Clock, randomHex } from "./clock.ts";
import { isOciError, OciError } from "./errors.ts";
import { epochOf } from "./fence.ts";
import type { Awaitable } from "./hook.ts";
import { type ImageIndex, parseIndex, printIndex } from "./image_index.ts";
import { holdsNonce, signed } from "./nonce.ts";

/** The name of the one mutable document that everything else hangs from. */
export const INDEX = "index.json";
/** How long a text that does not parse is read again: other tools rewrite the index in place. */
const TORN = 1_000;
const BATCH = 256;

/**
 * An edit that knows its own precondition: throw to be rejected, alone. It runs again on every attempt, so it must have
 * no effect besides its result.
 */
export type Operation = (index: ImageIndex) => Awaitable<ImageIndex>;

/** What an edit did: the index it was applied to, and the one it gave. */
export interface Edited {
  readonly before: ImageIndex;
  readonly after: ImageIndex;
}

/** The index of a layout: read as it is now, edited by compare-and-swap. */
export interface Root {
  /** The index as it is now; throws `corrupt` if it is missing or does not parse. */
  load(): Promise<ImageIndex>;
  /** The epoch of the last index that was loaded: what a writer makes sure of from now on is stamped with it. */
  readonly epoch: number;
  /** Applies an edit and publishes it; edits that arrive during a swap share the next one. */
  edit(operation: Operation, signal?: AbortSignal): Promise<Edited>;
}

/** How the index is read and written. */
export interface RootOptions {
  readonly clock: Clock;
  /** Milliseconds before lost swaps become `conflict`. */
  readonly wait: number;
  /** Most bytes the index may have. */
  readonly limit: number;
}

interface Waiting {
  readonly operation: Operation;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (edited: Edited) => void;
  readonly reject: (reason: unknown) => void;
}

interface Seen {
  readonly doc: Doc;
  readonly index: ImageIndex;
}

/** The index kept in `docs`. */
export function openRoot(docs: Docs, { clock, wait, limit }: RootOptions): Root {
  const writer = randomHex(clock, 16);
  let swaps = 0;
  let last: Seen | undefined;
  let queue: Waiting[] = [];
  let pumping = false;

  async function look(): Promise<Seen> {
    const until = clock.elapsed() + TORN;
    while (true) {
      const doc = await docs.load(INDEX, { limit });
      if (doc && doc.version === last?.doc.version) return last;
      try {
        if (!doc || isBlank(doc.text)) {
          throw new OciError("corrupt", `Cannot read "${INDEX}": it is ${doc ? "empty" : "missing"}`);
        }
        return last = { doc, index: parseIndex(doc.text) };
      } catch (error) {
        if (!doc || !isOciError(error, "corrupt") || clock.elapsed() >= until) throw error;
        await clock.sleep(20);
      }
    }
  }

  /** Applies what is waiting, in order; one that throws is rejected and leaves no mark. */
  async function apply(batch: readonly Waiting[], index: ImageIndex) {
    const done: { waiting: Waiting; edited: Edited }[] = [];
    let after = index;
    for (const waiting of batch) {
      try {
        waiting.signal?.throwIfAborted();
        const before = after;
        after = await waiting.operation(before);
        done.push({ waiting, edited: { before, after } });
      } catch (error) {
        waiting.reject(waiting.signal?.aborted ? aborted(error) : error);
      }
    }
    return { done, after };
  }

  async function commit(batch: readonly Waiting[]): Promise<void> {
    const until = clock.elapsed() + wait;
    const nonce = `${writer}.${++swaps}`;
    let waiting = batch;
    for (let attempt = 0; waiting.length > 0; attempt++) {
      const seen = await look();
      const { done, after } = await apply(waiting, seen.index);
      waiting = done.map((one) => one.waiting);
      const resolve = () => done.forEach((one) => one.waiting.resolve(one.edited));
      if (after === seen.index) return resolve();
      const index = signed(after, nonce);
      const text = printIndex(index);
      if (new TextEncoder().encode(text).length > limit) {
        if (waiting.length > 1) {
          for (const one of waiting) await commitOrReject([one]);
          return;
        }
        throw new OciError("size_exceeded", `Cannot write "${INDEX}": it would pass ${limit} bytes`);
      }
      const doc = await swap(text, seen, nonce, until);
      if (doc) {
        last = { doc, index: doc.text === text ? index : parseIndex(doc.text) };
        return resolve();
      }
      if (clock.elapsed() >= until) {
        throw new OciError("conflict", `Cannot write "${INDEX}": others were first for ${wait} ms`);
      }
      await clock.sleep(clock.random() * Math.min(5_000, 5 * 2 ** attempt));
    }
  }

  /** Swaps until the outcome is known: the document that holds our text, or nothing if another was first. */
  async function swap(text: string, seen: Seen, nonce: string, until: number) {
    while (true) {
      try {
        return await docs.swap(INDEX, text, seen.doc);
      } catch (error) {
        const unknown = isOciError(error, "unavailable") && error.reason === "unknown";
        if (!unknown && !isOciError(error, "conflict")) throw error;
        const now = await look();
        if (holdsNonce(now.index, nonce)) return now.doc;
        if (now.doc.version !== seen.doc.version) return undefined;
        // Nobody was first, so the same text may be sent again: whichever lands first makes the other fail.
        if (clock.elapsed() >= until) throw error;
        await clock.sleep(clock.random() * 100);
      }
    }
  }

  async function commitOrReject(batch: readonly Waiting[]): Promise<void> {
    try {
      await commit(batch);
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
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

  return {
    load: async () => (await look()).index,
    get epoch() {
      return last ? epochOf(last.index) : 0;
    },
    edit: (operation, signal) =>
      new Promise((resolve, reject) => {
        queue.push({ operation, signal, resolve, reject });
        if (!pumping) void pump();
      }),
  };
}

/** Whether a document holds nothing: no bytes, white space, or the NULs of a file that was never written. */
export function isBlank(text: string): boolean {
  return /^[\s\0]*$/.test(text);
}

function aborted(cause: unknown): OciError {
  return new OciError("aborted", `Cannot write "${INDEX}": the call was aborted`, { cause });
}

