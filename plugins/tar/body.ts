import type { FileHandle } from "node:fs/promises";
import {
  type BlobFiles,
  type BlobInfo,
  createDigester,
  type Digest,
  isOciError,
  OciError,
  writableAlgorithm,
} from "../../core/mod.ts";
import type { Addition } from "./append.ts";
import type { Entry } from "./contents.ts";
import { blobName } from "./names.ts";

/** A blob that can be written into an archive. */
export interface Body extends Pick<BlobInfo, "digest" | "size"> {
  /** Its bytes, from the first. */
  bytes(): AsyncIterable<Uint8Array>;
}

const STEP = 1 << 20;

/** A blob that is in an archive. */
export function bodyOf(file: FileHandle, entry: Entry): Body {
  const { digest, size } = entry;
  return { digest, size, bytes: () => bytesOf(file, entry) };
}

/** The bytes of a member; its buffer is used again for each chunk. */
export async function* bytesOf(
  file: FileHandle,
  { size, data }: Pick<Entry, "size" | "data">,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(STEP, size));
  for (let done = 0; done < size;) {
    const length = Math.min(buffer.length, size - done);
    const { bytesRead } = await file.read(buffer, 0, length, data + done);
    if (bytesRead === 0) return;
    done += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A blob that is staged beside an archive; none if it has gone meanwhile. */
export async function* stagedBytes(
  staged: BlobFiles,
  digest: Digest,
): AsyncGenerator<Uint8Array> {
  yield* await staged.read(digest);
}

/** The bytes of a blob, which must be as many as said and hash to its name; throws `corrupt`, at the latest at the end. */
export async function* verified(
  { digest, size }: Pick<BlobInfo, "digest" | "size">,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const digester = createDigester(writableAlgorithm(digest));
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > size) break;
    digester.update(chunk);
    yield chunk;
  }
  const found = digester.digest();
  if (found === digest && length === size) return;
  const why = length === size
    ? `the bytes hash to ${found}`
    : `it has not the ${size} bytes it should`;
  throw new OciError("corrupt", `Cannot store ${digest}: ${why}`, { digest });
}

/** A blob as a member of an archive. */
export function memberOf(body: Body, mtime = 0): Addition {
  return { name: blobName(body.digest), size: body.size, mtime, bytes: () => body.bytes() };
}

/** A document as a member of an archive. */
export function documentOf(name: string, text: string, mtime = 0): Addition {
  const bytes = new TextEncoder().encode(text);
  return { name, size: bytes.length, mtime, bytes: () => bytes.length > 0 ? [bytes] : [] };
}

/** What `work` gives; undefined if the blob it is about is not stored. */
export async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isOciError(error, "not_found")) return undefined;
    throw error;
  }
}
