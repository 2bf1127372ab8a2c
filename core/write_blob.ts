import { isOciError } from "./errors.ts";
import { type Info, info } from "./labels.ts";
import type { Writer } from "./named_writer.ts";
import { verify } from "./put.ts";
import { type Chunks, chunksOf, type Source } from "./source.ts";
import type { Store } from "./store.ts";
import { openWriter, type OpenWriterOptions } from "./writer.ts";

/** How a whole source is written. */
export interface WriteBlobOptions extends OpenWriterOptions {
  /** Told the bytes so far, after each chunk. */
  readonly onBytes?: (bytes: number) => void;
}

/** A blob that was written, or was there. */
export interface Written extends Info {
  /** Whether it was there before; the source was not read then. */
  readonly existed: boolean;
  /** Bytes that an earlier try had left. */
  readonly resumed: number;
}

/**
 * Writes a whole source under a name, from where an earlier try has come to; already stored counts as success.
 *
 * @throws {OciError} `corrupt` if the source ends early (the bytes are kept), and as a writer does.
 */
export async function writeBlob(
  store: Store,
  source: Source,
  options: WriteBlobOptions,
): Promise<Written> {
  const { expect: { digest } = {} } = options;
  let chunks: Chunks | undefined;
  try {
    await using writer = await openWriter(store, options);
    const { offset } = writer.status;
    chunks = chunksOf(source, { offset, signal: store.signal });
    await fill(writer, chunks, options);
    return { ...await writer.commit(), resumed: offset };
  } catch (error) {
    if (!isOciError(error, "already_exists") || digest === undefined) throw error;
    return { ...await info(store, digest), existed: true, resumed: 0 };
  } finally {
    await (chunks ?? chunksOf(source)).cancel();
  }
}

/** Writes all chunks. Bytes that are complete and yet wrong can never become right: they are dropped. */
async function fill(writer: Writer, chunks: Chunks, { onBytes }: WriteBlobOptions): Promise<void> {
  const { offset, total, expected } = writer.status;
  let size = offset;
  for await (const chunk of chunks) {
    await writer.write(chunk);
    size += chunk.length;
    onBytes?.(size);
  }
  const digest = writer.digest();
  const complete = size === (total ?? offset);
  if (!complete || digest === (expected ?? digest)) return;
  await writer.truncate(0);
  verify({ digest, size }, { digest: expected });
}
