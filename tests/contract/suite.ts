import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  type Algorithm,
  type Backend,
  type BlobInfo,
  type Digest,
  digestOf,
  type ErrorCode,
  isOciError,
} from "../../core/mod.ts";

/** Registers one test: `Deno.test`, or `test` of `node:test` or `bun:test`. */
export type Test = (name: string, run: (context?: unknown) => Promise<void>) => unknown;

/** What a case of the backend contract works on. Whatever it opens is disposed after it. */
export interface Subject {
  /** Opens a fresh, empty place. */
  place(): Promise<Backend>;
  /** Opens the same place again, as another process would. */
  reopen(backend: Backend): Promise<Backend>;
  /** Leaves bytes under a digest that is not theirs. */
  damage(backend: Backend, digest: Digest, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** Promises by their sentence, each kept if its function comes to an end. */
export type Cases<S = Subject> = Readonly<Record<string, (subject: S) => Promise<void>>>;

class Skipped extends Error {}

/** Ends a case that cannot be asked here. */
export function skip(reason: string): never {
  throw new Skipped(reason);
}

/** Ends the case where an optional member is missing. */
export function needs<T extends object, K extends keyof T & string>(
  object: T,
  member: K,
): asserts object is T & Required<Pick<T, K>> {
  if (object[member] === undefined) skip(`has no ${member}`);
}

/** Registers one case. One that cannot be asked is skipped where the runner can, else its reason is printed. */
export function register(test: Test, name: string, run: () => Promise<void>): void {
  test(name, async (context) => {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof Skipped)) throw error;
      const runner = (context ?? {}) as { skip?(reason: string): void };
      if (runner.skip) runner.skip(error.message);
      else console.info(`${name}: skipped, it ${error.message}`);
    }
  });
}

/** Bytes of some text. */
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** `length` bytes that look random and are the same each time. */
export function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761 >>> 0;
  for (let i = 0; i < length; i++) {
    state = Math.imul(state ^ state >>> 15, 2246822519) + 374761393 >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Name and size of bytes. */
export function blobOf(bytes: Uint8Array, algorithm: Algorithm = "sha256"): BlobInfo {
  return { digest: digestOf(bytes, algorithm), size: bytes.length };
}

/** Writes chunks to where an ingest takes them, and leaves it open. */
export async function write(
  writable: WritableStream<Uint8Array>,
  ...chunks: Uint8Array[]
): Promise<void> {
  const writer = writable.getWriter();
  try {
    for (const chunk of chunks) await writer.write(chunk);
  } finally {
    writer.releaseLock();
  }
}

/** Stores bytes under their digest, or another; the blob as `stat` sees it comes back. */
export async function put(
  backend: Backend,
  bytes: Uint8Array,
  digest: Digest = digestOf(bytes),
): Promise<BlobInfo> {
  await using ingest = await backend.blobs.ingest();
  if (bytes.length > 0) await write(ingest.writable, bytes);
  await ingest.commit({ digest, size: bytes.length });
  return await seen(backend, digest);
}

/** The blob as `stat` sees it; it must be there. */
export async function seen(backend: Backend, digest: Digest): Promise<BlobInfo> {
  const blob = await backend.blobs.stat(digest);
  assert.ok(blob, `${digest} is not there`);
  return blob;
}

/** All of a stream. */
export async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(
    await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
  );
}

/** The bytes of a blob. */
export async function read(backend: Backend, digest: Digest): Promise<Uint8Array> {
  return await bytesOf(await backend.blobs.read(digest));
}

/** Throws unless the bytes are these, saying where they part: printing both would take for ever. */
export function assertBytes(found: Uint8Array, expected: Uint8Array, what = "the bytes"): void {
  if (Buffer.compare(found, expected) === 0) return;
  const at = found.findIndex((byte, i) => byte !== expected[i]);
  const place = at < 0 ? "" : `, and part from them at ${at}`;
  assert.fail(`${what}: ${found.length}, expected ${expected.length}${place}`);
}

/** Throws unless the blob is there, with these bytes. */
export async function assertStored(
  backend: Backend,
  bytes: Uint8Array,
  digest: Digest = digestOf(bytes),
): Promise<void> {
  assertBytes(await read(backend, digest), bytes, digest);
}

/** All that an iteration yields. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** The digests that a listing yields, sorted. */
export async function listed(backend: Backend): Promise<Digest[]> {
  return (await all(backend.blobs.list())).map(({ digest }) => digest).sort();
}

/** Waits for a failure with one of these codes. */
export async function fails(promise: Promise<unknown>, ...codes: ErrorCode[]): Promise<void> {
  const error = await promise.then(() => undefined, (error: unknown) => error);
  assert.ok(error !== undefined, `succeeded, ${codes.join(" or ")} was expected`);
  if (!isOciError(error, ...codes)) throw error;
}

/** A moment of real time, long enough for a clock of milliseconds to move on. */
export const moment = (ms = 5): Promise<void> => new Promise((done) => setTimeout(done, ms));
