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
import { kindOf, OCTET_STREAM, parseNode } from "./manifest.ts";
import { type Chunks, chunksOf, collect, repeated, type Source } from "./source.ts";
import { assertWritable, type Store } from "./store.ts";

/** What is known of a blob before its bytes are read; all of it is verified. */
export type Expected = Partial<Descriptor>;

/** What bytes must turn out to be. */
export interface Wanted {
  readonly digest?: Digest | undefined;
  readonly size?: number | undefined;
}

/** A blob that is stored now. */
export interface Pushed {
  /** Its descriptor: as given, with what was missing filled in. */
  readonly descriptor: Descriptor;
  /** Whether it was there before; its source was not read then. */
  readonly existed: boolean;
}

/** How a blob is stored. */
export interface PutOptions {
  /** Told the bytes so far, after each chunk. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** A copy known to be damaged: once the right bytes are at hand, it makes way for them. */
  readonly damaged?: BlobInfo | undefined;
}

/** Size and digest that are no nonsense; throws `invalid`, `invalid_digest`, `unsupported`. */
export function checkExpected({ digest, size }: Wanted): void {
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
  { onBytes, damaged }: PutOptions = {},
): Promise<Pushed> {
  const chunks = chunksOf(source, { signal: store.signal });
  try {
    assertWritable(store, "write a blob");
    checkExpected(expected);
    const seen = damaged ? undefined : await lookUp(store, expected);
    if (seen?.usable) return { descriptor: describe(expected, seen.usable), existed: true };
    const isNode = kindOf(expected.mediaType ?? "") !== undefined;
    const input = isNode ? await readNode(store, expected, chunks) : chunks;
    const again = repeated(source, store.signal);
    const options = { expect: expectation(expected), ...(again ? { again } : {}) };
    await using ingest = await store.backend.blobs.ingest(options);
    const digester = digesterFor(expected);
    const written = await pour(input, ingest, digester, { ...expected, onBytes });
    const blob = { digest: digester.digest(), size: written };
    verify(blob, expected);
    const existed = await publish(store, ingest, blob, { damaged, absent: seen?.absent });
    return { descriptor: describe(expected, blob), existed };
  } finally {
    await chunks.cancel();
  }
}

/** What an ingest is told of it. */
export function expectation({ digest, size }: Wanted): Partial<BlobInfo> {
  return { ...(digest === undefined ? {} : { digest }), ...(size === undefined ? {} : { size }) };
}

function digesterFor({ digest }: Wanted): Digester {
  return createDigester(digest === undefined ? "sha256" : writableAlgorithm(digest));
}

/** A blob that is there already with the size expected, adopted. */
export async function adoptPresent(store: Store, wanted: Wanted): Promise<BlobInfo | undefined> {
  return (await lookUp(store, wanted)).usable;
}

/** Looks for a blob: adopted if it can be used; whether it is known not to be there. */
async function lookUp(
  store: Store,
  { digest, size }: Wanted,
): Promise<{ readonly usable?: BlobInfo; readonly absent: boolean }> {
  if (digest === undefined) return { absent: false };
  const { era } = store.root;
  // So that a stamp found later tells of a copy stored after this look.
  store.stamps.delete(digest);
  const present = await store.stamps.adopt(digest);
  if (!present || present.size !== (size ?? present.size)) return { absent: !present };
  store.stamps.set(present, era);
  return { usable: present, absent: false };
}

/** What is known of a blob that is to be published. */
export interface PublishOptions {
  /** A copy that makes way. */
  readonly damaged?: BlobInfo | undefined;
  /** It was not there a moment ago: only whoever shares this layout can have stored it since, and left a stamp. */
  readonly absent?: boolean | undefined;
}

/**
 * Commits an ingest and stamps its blob in the era that held before; true if it was there and the ingest is not
 * needed. A copy of another size is damaged: it is replaced.
 */
export function publish(
  store: Store,
  ingest: Ingest,
  blob: BlobInfo,
  { damaged, absent = false }: PublishOptions = {},
): Promise<boolean> {
  const { digest, size } = blob;
  return store.stamps.inTurn(digest, async () => {
    const { era } = store.root;
    if (damaged) await discard(store, damaged);
    const there = absent
      ? await stamped(store, digest, era)
      : (await store.stamps.adopt(digest))?.size;
    const existed = there === size;
    if (!existed) await ingest.commit(blob);
    store.stamps.set(blob, era);
    if (damaged || (there !== undefined && !existed)) {
      const message = `Replaced ${digest}: its bytes were damaged`;
      store.notice({ code: "damaged", message, digest });
    }
    return existed;
  });
}

/** The size of a blob that was stored here since; a collector is asked before anything is published. */
async function stamped({ stamps }: Store, digest: Digest, era: string) {
  await stamps.consult(digest);
  return stamps.sizeOf(digest, era);
}

/** Removes a damaged copy; one that others have replaced is left alone. */
async function discard({ backend }: Store, damaged: BlobInfo): Promise<void> {
  const { digest } = damaged;
  const [removal] = await backend.blobs.delete([damaged]);
  if (removal?.outcome !== "failed" && removal?.outcome !== "unknown") return;
  throw removal.error ??
    new OciError("unavailable", `Cannot replace ${digest}: no answer came`, { digest });
}

/** The bytes of a manifest, judged before any of them is stored. */
async function readNode(store: Store, expected: Expected, chunks: Chunks): Promise<Chunks> {
  const { manifest } = store.limits;
  const { size = 0, mediaType } = expected;
  if (size > manifest) throw tooLong(expected, manifest);
  const bytes = await collect(chunks, expected.size ?? manifest, "the manifest");
  const digester = digesterFor(expected);
  digester.update(bytes);
  verify({ digest: digester.digest(), size: bytes.length }, expected);
  parseNode(bytes, mediaType);
  return chunksOf(bytes);
}

function tooLong({ digest }: Wanted, most: number): OciError {
  const message = `Cannot write ${digest ?? "the blob"}: it has more than ${most} bytes`;
  return new OciError("size_exceeded", message, { digest });
}

/** Streams chunks into an ingest and a hash at once; gives the bytes written. One more than `size` stops it. */
async function pour(
  chunks: Chunks,
  ingest: Ingest,
  digester: Digester,
  { onBytes, ...expected }: Wanted & Pick<PutOptions, "onBytes">,
): Promise<number> {
  const { size: most = Infinity } = expected;
  const writer = ingest.writable.getWriter();
  let size = 0;
  try {
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > most) throw tooLong(expected, most);
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
export function verify(blob: BlobInfo, { digest, size }: Wanted, url?: string): void {
  const wrong = size !== undefined && blob.size !== size
    ? `it has ${blob.size} bytes, not ${size}`
    : digest !== undefined && blob.digest !== digest
    ? `its bytes hash to ${blob.digest}`
    : undefined;
  if (wrong === undefined) return;
  const name = digest ?? blob.digest;
  throw new OciError("corrupt", `Cannot accept ${name}: ${wrong}`, { url, digest: name });
}

function describe(expected: Expected, { digest, size }: BlobInfo): Descriptor {
  return { ...expected, mediaType: expected.mediaType ?? OCTET_STREAM, digest, size };
}
