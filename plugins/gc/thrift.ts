import process from "node:process";

/** What is used of Bun. */
interface BunRuntime {
  gc(now: boolean): void;
}

/** Calls after which the work counts as large: more than a hundred thousand blobs make. */
const LARGE = 600;
/** Bytes that the process may grow by before that, and how seldom it is looked at: tidying up costs more than it gains. */
const [FREE, SELDOM] = [48 << 20, 4];
/** What it may grow to from then on, of what it has, until what it does not need any more is looked for. */
const SLACK = 1.02;

// Of the process, as its memory is.
let calls = 0;
let first = Infinity;
let last = Infinity;

/**
 * Keeps the memory of the process close to what it really holds: called now and then by whoever makes millions of small
 * things. Left to itself, the runtime lets garbage grow to a multiple of the rest. Does nothing where the runtime
 * cannot be asked to tidy up.
 */
export function thrift(): void {
  const { Bun: { gc } = {} } = globalThis as { Bun?: Partial<BunRuntime> };
  if (!gc) return;
  const isLarge = ++calls > LARGE;
  if (!isLarge && calls % SELDOM !== 1) return;
  const now = process.memoryUsage.rss();
  first = Math.min(first, now);
  last = Math.min(last, now);
  if (now < (isLarge ? last * SLACK : first + FREE)) return;
  gc(true);
  last = process.memoryUsage.rss();
}
