import { bytesAtHand, passable } from "./bytes_stream.ts";
import type { Descriptor } from "./descriptor.ts";
import { createDigester, type Digest, digestOf, parseDigest, writableAlgorithm } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import { type Node, parseNode } from "./manifest.ts";
import { verify } from "./put.ts";
import { type ChunkOptions, type Chunks, chunksOf, collect } from "./source.ts";
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

/** How chunks are read. */
export type ChunksOptions = FetchOptions & Pick<ChunkOptions, "passing">;

/** The bytes of a blob as a stream; the last chunk is delivered only once the hash is right. */
export async function read(
  store: Store,
  target: Target,
  options: FetchOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const open = await opened(store, target, options);
  return passable(streamOf(() => open(false)), () => {
    const chunks = open(true);
    const iterator = chunks[Symbol.asyncIterator]();
    const end = async () => {
      await iterator.return?.();
      await chunks.cancel();
      return { done: true, value: undefined } as const;
    };
    return { next: () => iterator.next(), return: end };
  });
}

/** The bytes of a blob as chunks, verified as `read` says. */
export async function readChunks(
  store: Store,
  target: Target,
  { passing = false, ...options }: ChunksOptions = {},
): Promise<Chunks> {
  return (await opened(store, target, options))(passing);
}

/** A blob that can be read once, whichever way. */
async function opened(
  store: Store,
  target: Target,
  { range, verify: verified = true }: FetchOptions,
): Promise<(passing: boolean) => Chunks> {
  const { size } = target;
  const { signal } = store;
  const digest = parseDigest(target.digest);
  assertActive(signal, `read "${digest}"`);
  if (!range && verified) writableAlgorithm(digest);
  if (!range && size !== undefined) {
    const blob = await store.backend.blobs.stat(digest);
    if (blob) verify({ digest, size: blob.size }, { size }, placeOf(store));
  }
  const stream = await streamFrom(store, digest, range);
  return (passing) => {
    const chunks = chunksOf(stream, { signal, passing });
    return verified && !range ? checked(store, chunks, target) : chunks;
  };
}

/** The stored bytes as they are. */
export async function stored(
  store: Store,
  digest: Digest,
  range?: FetchOptions["range"],
): Promise<Chunks> {
  return chunksOf(await streamFrom(store, digest, range), { signal: store.signal });
}

async function streamFrom(
  store: Store,
  digest: Digest,
  range?: FetchOptions["range"],
): Promise<ReadableStream<Uint8Array>> {
  try {
    return await store.backend.blobs.read(digest, range);
  } catch (error) {
    throw isOciError(error, "not_found") ? absent(store, digest, error) : error;
  }
}

/** What is thrown where a blob is not stored. */
export function absent(store: Store, digest: Digest, cause?: unknown): OciError {
  const url = placeOf(store);
  return new OciError("not_found", `Cannot read "${digest}": it is not stored`, {
    url,
    digest,
    cause,
  });
}

/** The same bytes one chunk late, so that the last is held back until the hash is right. */
function checked(store: Store, chunks: Chunks, { digest, size }: Target): Chunks {
  return {
    cancel: () => chunks.cancel(),
    async *[Symbol.asyncIterator]() {
      const digester = createDigester(writableAlgorithm(digest));
      let held: Uint8Array | undefined;
      let length = 0;
      for await (const chunk of chunks) {
        length += chunk.length;
        if (length > (size ?? length)) break;
        digester.update(chunk);
        if (held) yield held;
        held = chunk;
      }
      verify({ digest: digester.digest(), size: length }, { digest, size }, placeOf(store));
      if (held) yield held;
    },
  };
}

/** Chunks as a stream that gives their source back when it ends, fails or is cancelled; opened once they are needed. */
function streamOf(open: () => Chunks): ReadableStream<Uint8Array> {
  let chunks: Chunks | undefined;
  let iterator: AsyncIterator<Uint8Array> | undefined;
  return new ReadableStream({
    async pull(controller) {
      chunks ??= open();
      iterator ??= chunks[Symbol.asyncIterator]();
      try {
        const { done, value } = await iterator.next();
        if (!done) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      await chunks.cancel();
    },
    cancel: () => (chunks ??= open()).cancel(),
  }, { highWaterMark: 0 });
}

/** All bytes of a blob, verified unless that is declined; embedded `data` answers if it is right. */
export async function readAll(
  store: Store,
  target: Target,
  { limit, verify: verified = true }: { limit: number } & Pick<FetchOptions, "verify">,
): Promise<Uint8Array> {
  const digest = parseDigest(target.digest);
  const data = embeddedData(target);
  if (data) return data;
  const { size } = target;
  assertActive(store.signal, `read "${digest}"`);
  const algorithm = writableAlgorithm(digest);
  // One byte more than it should have is enough to tell.
  const most = size !== undefined && size < limit ? size + 1 : limit + 1;
  const stream = await streamFrom(store, digest);
  const whole = bytesAtHand(stream);
  const bytes = whole && whole.length <= limit
    ? whole
    : await collect(chunksOf(stream, { signal: store.signal }), limit, `"${digest}"`, most);
  const found = { digest: verified ? digestOf(bytes, algorithm) : digest, size: bytes.length };
  verify(found, { digest, size }, placeOf(store));
  return bytes;
}

/** The blob that a descriptor carries within itself, if it is the right one. */
export function embeddedData({ digest, size, data }: Target): Uint8Array | undefined {
  if (data === undefined) return undefined;
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
  return nodeOf(store, target, await readAll(store, target, { limit: store.limits.manifest }));
}

/** The manifest or index that stored bytes are; throws `corrupt`. */
export function nodeOf(store: Store, { digest, mediaType }: Target, bytes: Uint8Array): Node {
  try {
    return parseNode(bytes, mediaType);
  } catch (error) {
    if (!isOciError(error, "invalid")) throw error;
    const url = placeOf(store);
    const message = `Cannot use "${digest}": ${error.message}`;
    throw new OciError("corrupt", message, { url, digest, cause: error });
  }
}
