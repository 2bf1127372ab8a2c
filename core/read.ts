import type { Descriptor } from "./descriptor.ts";
import {
  createDigester,
  type Digest,
  digestOf,
  parseDigest,
  splitDigest,
  writableAlgorithm,
} from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import { type Node, parseNode } from "./manifest.ts";
import { verify } from "./put.ts";
import { chunksOf, collect } from "./source.ts";
import { assertActive, placeOf, type Store } from "./store.ts";

/** What is read: a digest, and what is known of its size and content. */
export type Target = Pick<Descriptor, "digest"> & Partial<Descriptor>;

/** How bytes are read. */
export interface FetchOptions {
  /** Bytes from `start` up to, but not including, `end`; they are not verified. */
  readonly range?: { readonly start?: number; readonly end?: number };
  /** Whether the bytes are hashed on their way; default true. */
  readonly verify?: boolean;
}

/** The bytes of a blob; the last chunk is delivered only once the hash is right. */
export async function read(
  store: Store,
  target: Target,
  { range, verify: verified = true }: FetchOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const digest = parseDigest(target.digest);
  assertActive(store.signal, `read "${digest}"`);
  if (range === undefined && verified) writableAlgorithm(digest);
  if (range === undefined && target.size !== undefined) {
    const blob = await store.backend.blobs.stat(digest);
    if (blob) verify({ digest, size: blob.size }, { digest, size: target.size });
  }
  const stream = await located(store, digest, () => store.backend.blobs.read(digest, range));
  return range === undefined && verified ? stream.pipeThrough(verifier(digest, target.size)) : stream;
}

/** Errors of a read, with place and digest. */
async function located<T>(store: Store, digest: Digest, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isOciError(error, "not_found")) throw error;
    throw new OciError("not_found", `Cannot read "${digest}": it is not stored`, {
      url: placeOf(store),
      digest,
      cause: error,
    });
  }
}

/** Passes bytes on one chunk late, so that the last is held back until the hash is right. */
export function verifier(
  digest: Digest,
  size?: number,
): TransformStream<Uint8Array, Uint8Array> {
  const digester = createDigester(writableAlgorithm(digest));
  let held: Uint8Array | undefined;
  let length = 0;
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      length += chunk.length;
      if (size !== undefined && length > size) verify({ digest, size: length }, { digest, size });
      digester.update(chunk);
      if (held) controller.enqueue(held);
      held = chunk;
    },
    flush(controller) {
      verify({ digest: digester.digest(), size: length }, size === undefined ? { digest } : {
        digest,
        size,
      });
      if (held) controller.enqueue(held);
    },
  });
}

/** All bytes of a blob, verified; embedded `data` answers if it is right. */
export async function readAll(
  store: Store,
  target: Target,
  { limit }: { limit: number },
): Promise<Uint8Array> {
  const digest = parseDigest(target.digest);
  const embedded = embeddedData(target);
  if (embedded) return embedded;
  const stream = await read(store, target);
  return await collect(chunksOf(stream), limit, `"${digest}"`);
}

/** The blob that a descriptor carries within itself, if it is the right one. */
export function embeddedData(target: Target): Uint8Array | undefined {
  const { digest, size, data } = target;
  if (data === undefined || !/^sha(256|512)$/.test(splitDigest(digest).algorithm)) return undefined;
  try {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    const right = bytes.length === (size ?? bytes.length) &&
      digestOf(bytes, writableAlgorithm(digest)) === digest;
    return right ? bytes : undefined;
  } catch {
    return undefined;
  }
}

/** A manifest or index that is stored, read whole and verified. */
export async function readNode(store: Store, target: Target): Promise<Node> {
  const bytes = await readAll(store, target, { limit: store.limits.manifest });
  try {
    return parseNode(bytes, target.mediaType);
  } catch (error) {
    if (!isOciError(error, "invalid")) throw error;
    throw new OciError("corrupt", `Cannot use "${target.digest}": ${error.message}`, {
      url: placeOf(store),
      digest: target.digest,
      cause: error,
    });
  }
}

/** Bytes of a blob at any offset, not verified. */
export interface BlobReader extends AsyncDisposable {
  /** Length of the blob in bytes. */
  readonly size: number;
  /** At most `length` bytes from `offset`: fewer at the end, none past it; throws `invalid`. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Opens a blob for reading at any offset. */
export async function openReader(store: Store, digest: Digest): Promise<BlobReader> {
  const blob = await store.backend.blobs.stat(digest);
  if (!blob) {
    throw new OciError("not_found", `Cannot read "${digest}": it is not stored`, {
      url: placeOf(store),
      digest,
    });
  }
  const { size } = blob;
  let open = true;
  return {
    size,
    async read(offset, length) {
      const legal = [offset, length].every((n) => Number.isSafeInteger(n) && n >= 0);
      if (!open || !legal) {
        throw new OciError("invalid", `Cannot read ${length} bytes at ${offset} of "${digest}"`);
      }
      const end = Math.min(size, offset + length);
      if (offset >= end) return new Uint8Array(0);
      const stream = await located(
        store,
        digest,
        () => store.backend.blobs.read(digest, { start: offset, end }),
      );
      return await collect(chunksOf(stream), length, `"${digest}"`);
    },
    [Symbol.asyncDispose]: () => {
      open = false;
      return Promise.resolve();
    },
  };
}
