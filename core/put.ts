import type { BlobInfo, Ingest } from "./backend.ts";
import type { Descriptor } from "./descriptor.ts";
import {
  createDigester,
  type Digest,
  type Digester,
  parseDigest,
  writableAlgorithm,
} from "./digest.ts";
import { OciError } from "./errors.ts";
import { adopt } from "./fence.ts";
import { kindOf, OCTET_STREAM, parseNode } from "./manifest.ts";
import { type Chunks, chunksOf, collect, type Source } from "./source.ts";
import { assertActive, assertWritable, type Store } from "./store.ts";

/** What is known of a blob before its bytes are read; all of it is verified. */
export type Expected = Partial<Descriptor>;

/** A blob that is stored now. */
export interface Pushed {
  /** Its descriptor: as given, with what was missing filled in. */
  readonly descriptor: Descriptor;
  /** Whether it was there before; its source was not read then. */
  readonly existed: boolean;
}

/** Size and digest that are no nonsense; throws `invalid`, `invalid_digest`, `unsupported`. */
export function checkExpected({ digest, size }: Expected): void {
  if (digest !== undefined) writableAlgorithm(parseDigest(digest));
  if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) {
    throw new OciError("invalid", `Cannot write a blob of ${size} bytes: not a size`);
  }
}

/**
 * Stores bytes under their digest: streamed in, hashed, verified, published. Nothing is visible before, nothing is left
 * after a failure.
 */
export async function put(
  store: Store,
  expected: Expected,
  source: Source,
  onBytes?: (bytes: number) => void,
): Promise<Pushed> {
  assertWritable(store, "write a blob");
  checkExpected(expected);
  const chunks = chunksOf(source);
  try {
    const present = await adoptPresent(store, expected);
    if (present) return { descriptor: describe(expected, present), existed: true };
    const node = expected.mediaType !== undefined && kindOf(expected.mediaType) !== undefined;
    const input = node ? await readNode(store, expected, chunks) : chunks;
    await using ingest = await store.backend.blobs.ingest({ expect: expected });
    const digester = createDigester(
      expected.digest === undefined ? "sha256" : writableAlgorithm(expected.digest),
    );
    const size = await pour(store, input, ingest, digester, { ...expected, onBytes });
    const blob = { digest: digester.digest(), size };
    verify(blob, expected);
    const existed = expected.digest === undefined && await isStored(store, blob);
    if (!existed) await publish(store, ingest, blob);
    return { descriptor: describe(expected, blob), existed };
  } finally {
    await chunks.cancel();
  }
}

/** A blob that is there already with the size expected, adopted; a damaged copy is reported and not taken. */
export async function adoptPresent(
  store: Store,
  { digest, size }: Partial<BlobInfo>,
): Promise<BlobInfo | undefined> {
  if (digest === undefined) return undefined;
  const { epoch } = store.root;
  const present = await adopt(store.backend.blobs, digest);
  if (!present) return undefined;
  if (size !== undefined && present.size !== size) {
    const message = `Replacing ${digest}: it has ${present.size} bytes, not ${size}`;
    store.notice({ code: "damaged", message, digest });
    return undefined;
  }
  store.stamps.set(present, epoch);
  return present;
}

async function isStored(store: Store, blob: BlobInfo): Promise<boolean> {
  return await adoptPresent(store, blob) !== undefined;
}

/** Commits an ingest and stamps its blob in the epoch that held before. */
export async function publish(store: Store, ingest: Ingest, blob: BlobInfo): Promise<void> {
  const { epoch } = store.root;
  await ingest.commit(blob);
  store.stamps.set(blob, epoch);
}

/** The bytes of a manifest, judged before any of them is stored. */
async function readNode(store: Store, expected: Expected, chunks: Chunks): Promise<Chunks> {
  const { manifest } = store.limits;
  const most = Math.min(manifest, expected.size ?? manifest);
  const bytes = await collect(chunks, most, "the manifest");
  const digester = createDigester(
    expected.digest === undefined ? "sha256" : writableAlgorithm(expected.digest),
  );
  digester.update(bytes);
  verify({ digest: digester.digest(), size: bytes.length }, expected);
  parseNode(bytes, expected.mediaType);
  return chunksOf(bytes);
}

/** How bytes are poured. */
export interface PourOptions {
  /** What is expected in the end: one byte more stops it. */
  readonly size?: number | undefined;
  readonly digest?: Digest | undefined;
  /** Bytes that are there already. */
  readonly offset?: number;
  /** Told the bytes so far, after each chunk. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Streams chunks into an ingest and a hash at once; gives the bytes that are stored then. */
export async function pour(
  store: Store,
  chunks: AsyncIterable<Uint8Array>,
  ingest: Ingest,
  digester: Digester,
  { size: most = Infinity, digest, offset = 0, onBytes }: PourOptions,
): Promise<number> {
  const writer = ingest.writable.getWriter();
  let size = offset;
  try {
    for await (const chunk of chunks) {
      assertActive(store.signal, "write a blob");
      size += chunk.length;
      if (size > most) {
        throw new OciError(
          "size_exceeded",
          `Cannot write ${digest ?? "the blob"}: the source has more than ${most} bytes`,
          { digest },
        );
      }
      // The disk works while the processor hashes.
      const written = writer.write(chunk);
      digester.update(chunk);
      await written;
      onBytes?.(size);
    }
  } finally {
    writer.releaseLock();
  }
  return size;
}

/** Throws `corrupt` unless the bytes are those expected. */
export function verify(blob: BlobInfo, { digest, size }: Expected): void {
  const wrong = size !== undefined && blob.size !== size
    ? `it has ${blob.size} bytes, not ${size}`
    : digest !== undefined && blob.digest !== digest
    ? `its bytes hash to ${blob.digest}`
    : undefined;
  if (wrong === undefined) return;
  const name = digest ?? blob.digest;
  throw new OciError("corrupt", `Cannot accept ${name}: ${wrong}`, { digest: name });
}

function describe(expected: Expected, { digest, size }: BlobInfo): Descriptor {
  return { ...expected, mediaType: expected.mediaType ?? OCTET_STREAM, digest, size };
}
