import process from "node:process";

/** What is used of Bun. */
interface BunRuntime {
  gc(now: boolean): void;
}

/** Bytes that the process may grow by before anything is done about it: a hundred thousand blobs need no more. */
const FREE = 40 << 20;
/** Bytes that it may grow by from then on until what it does not need any more is looked for. */
const SLACK = 8 << 20;

// Of the process, as its memory is.
let first = Infinity;
let last = 0;

/**
 * Keeps the memory of the process close to what it really holds: called now and then by whoever makes millions of small
 * things. Left to itself, the runtime lets garbage grow to a multiple of the rest. Does nothing where the runtime
 * cannot be asked to tidy up.
 */
export function thrift(): void {
  const { Bun: { gc } = {} } = globalThis as { Bun?: Partial<BunRuntime> };
  if (!gc) return;
  const now = process.memoryUsage.rss();
  first = Math.min(first, now);
  last = Math.min(last, now);
  if (now < Math.max(first + FREE, last + SLACK)) return;
  gc(true);
  last = process.memoryUsage.rss();
}
