import { passingChunks } from "./bytes_stream.ts";
import { OciError } from "./errors.ts";
import { assertActive } from "./store.ts";

/** Bytes at any offset, such as another layout's reader. */
export interface SeekableSource {
  /** Bytes from `offset`: at most `length`, fewer only at the end, none past it. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Bytes that can begin at any offset, opened only if they are needed. */
export interface OpenableSource {
  /** The bytes from `offset` on. */
  open(offset: number): Promise<AsyncIterable<Uint8Array>>;
}

/** Where bytes come from. A stream is read once and cancelled if it is not needed. */
export type Source =
  | Uint8Array
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | SeekableSource
  | OpenableSource;

/** Bytes in the order they came, to be taken once, and a way to say that no more are needed. */
export interface Chunks extends AsyncIterable<Uint8Array> {
  /** Gives the source back; its error, if any, is of no interest any more. */
  cancel(): Promise<void>;
}

/** How a source is read. */
export interface ChunkOptions {
  /** Where to begin: it is opened there, sought, or read and skipped, whichever it can. */
  readonly offset?: number;
  /** Ends the reading with `aborted`, without waiting for a source that has stalled. */
  readonly signal?: AbortSignal | undefined;
  /** Each chunk is done with before the next one is asked for, so its buffer may be used again; default false. */
  readonly passing?: boolean;
}

const STEP = 1 << 20;

/**
 * The chunks of a source; empty ones are left out.
 *
 * @throws {OciError} `invalid` for a stream that somebody else reads.
 */
export function chunksOf(
  source: Source,
  { offset = 0, signal, passing = false }: ChunkOptions = {},
): Chunks {
  if (source instanceof Uint8Array) return taking(seeking(slices(source), offset), signal);
  if (source instanceof Blob) return taking(streaming(source.slice(offset).stream()), signal);
  if (source instanceof ReadableStream) {
    const chunks = passing ? passingChunks(source) : undefined;
    return taking(chunks ?? streaming(source), signal, offset);
  }
  if (Symbol.asyncIterator in source) {
    return taking(source[Symbol.asyncIterator](), signal, offset);
  }
  return taking("open" in source ? opening(source, offset) : seeking(source, offset), signal);
}

/** The bytes of a source once more, each time it is called; nothing for one that is read once. */
export function repeated(
  source: Source,
  signal: AbortSignal | undefined,
): (() => AsyncIterable<Uint8Array>) | undefined {
  if (source instanceof ReadableStream || Symbol.asyncIterator in source) return undefined;
  return async function* () {
    const chunks = chunksOf(source, { signal });
    try {
      yield* chunks;
    } finally {
      await chunks.cancel();
    }
  };
}

function slices(bytes: Uint8Array): SeekableSource {
  return { read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)) };
}

function streaming(stream: ReadableStream<Uint8Array>): AsyncIterator<Uint8Array> {
  if (stream.locked) {
    throw new OciError("invalid", "Cannot read the source: somebody else reads this stream");
  }
  const reader = stream.getReader();
  return {
    next: async () => await reader.read() as IteratorResult<Uint8Array>,
    return: async () => (await reader.cancel(), { done: true, value: undefined }),
  };
}

async function* opening(source: OpenableSource, offset: number) {
  yield* await source.open(offset);
}

async function* seeking(source: SeekableSource, offset: number) {
  for (let at = offset;;) {
    const chunk = await source.read(at, STEP);
    if (chunk.length === 0) return;
    at += chunk.length;
    yield chunk;
  }
}

function taking(
  iterator: AsyncIterator<Uint8Array>,
  signal: AbortSignal | undefined,
  offset = 0,
): Chunks {
  let waiting = false;
  const next = async () => {
    waiting = true;
    const result = await iterator.next();
    waiting = false;
    return result;
  };
  return {
    async cancel() {
      const ended = (async () => await iterator.return?.())().catch(() => {});
      // A generator ends after its next chunk, which may never come.
      if (!waiting) await ended;
    },
    async *[Symbol.asyncIterator]() {
      // Of whoever waits, which is one at a time: a listener for each chunk would cost more than the chunk.
      let stop = () => {};
      const fired = () => stop();
      signal?.addEventListener("abort", fired);
      /** The next result, or nothing as soon as the signal has fired. */
      const orAborted = () =>
        new Promise<IteratorResult<Uint8Array> | undefined>((resolve, reject) => {
          stop = () => resolve(undefined);
          next().then(resolve, reject);
        });
      try {
        for (let skip = offset;;) {
          assertActive(signal, "read the source");
          const result = await orAborted();
          if (!result) continue;
          if (result.done) return;
          const { value } = result;
          if (skip < value.length) yield value.subarray(skip);
          skip = Math.max(0, skip - value.length);
        }
      } finally {
        signal?.removeEventListener("abort", fired);
      }
    },
  };
}

/**
 * All bytes of a source, at most `limit`; grows with what arrives. Once there are `most`, no more are asked for.
 *
 * @throws {OciError} `size_exceeded` as soon as there are more than the limit.
 */
export async function collect(
  source: Chunks,
  limit: number,
  what: string,
  most = Infinity,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of source) {
      length += chunk.length;
      if (length > limit) {
        throw new OciError("size_exceeded", `Cannot read ${what}: it has more than ${limit} bytes`);
      }
      chunks.push(chunk.slice());
      if (length >= most) break;
    }
  } finally {
    await source.cancel();
  }
  const [first] = chunks;
  if (first && chunks.length === 1) return first;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
