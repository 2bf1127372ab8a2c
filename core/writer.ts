import type { Ingest, IngestStatus } from "./backend.ts";
import {
  type Algorithm,
  createDigester,
  type Digest,
  type Digester,
  digestOf,
  parseDigest,
  splitDigest,
  writableAlgorithm,
} from "./digest.ts";
import { messageOf, OciError } from "./errors.ts";
import { checkLabels, type Info, info, type Labels, update } from "./labels.ts";
import type { Lease } from "./lock.ts";
import { adoptPresent, checkExpected, publish, verify } from "./put.ts";
import { chunksOf, type Source } from "./source.ts";
import { assertActive, assertWritable, placeOf, type Store } from "./store.ts";

/** How a named write is opened. */
export interface OpenWriterOptions {
  /** Its name, 1 to 512 bytes: who opens it again goes on where it stands. */
  readonly ref: string;
  /** What the bytes must be in the end. */
  readonly expect?: { readonly digest?: Digest; readonly size?: number };
  /** Bytes in the end; the same as `expect.size`. */
  readonly total?: number;
  /** What `digest` and `commit` hash with, unless a digest is expected; default sha256. */
  readonly algorithm?: Algorithm;
  /** Milliseconds to wait for another writer of this name; default 0. */
  readonly wait?: number;
}

/** What a commit must find. */
export interface CommitOptions {
  readonly size?: number;
  readonly digest?: Digest;
  /** Labels of the blob. */
  readonly labels?: Labels;
}

/** A write in progress. Disposing it keeps the bytes, to be gone on with under the same name. */
export interface Writer extends AsyncDisposable {
  /** How far it has come. */
  readonly status: IngestStatus;
  /** Adds bytes; `size_exceeded` past the total (none of them kept), `aborted`, `lease_lost`, `invalid` after close. */
  write(bytes: Uint8Array): Promise<void>;
  /** The digest of the bytes so far. */
  digest(): Digest;
  /** Starts over, if `size` is 0; anything else is `invalid`. */
  truncate(size: number): Promise<void>;
  /**
   * Publishes the bytes and frees the name. With a wrong size or digest: `corrupt`, nothing published, bytes kept.
   */
  commit(options?: CommitOptions): Promise<Info & { readonly existed: boolean }>;
  /** Keeps the bytes; twice is fine. */
  close(): Promise<void>;
}

/** The name of the lease of an ingest. */
export function ingestLease(ref: string): string {
  return `ingest/${splitDigest(digestOf(ref)).hex}`;
}

function checkRef(ref: string): void {
  const { length } = new TextEncoder().encode(ref);
  if (length >= 1 && length <= 512) return;
  throw new OciError("invalid", `Cannot name a write with ${length} bytes: 1 to 512 are needed`);
}

/** Opens or reopens a named write, alone. */
export async function openWriter(store: Store, options: OpenWriterOptions): Promise<Writer> {
  const { ref, total } = options;
  const expect = { ...options.expect, ...(total ? { size: total } : {}) };
  assertWritable(store, "open a writer");
  checkRef(ref);
  checkExpected(expect);
  if (await adoptPresent(store, expect)) {
    throw new OciError("already_exists", `Cannot write "${expect.digest}": it is stored already`, {
      url: placeOf(store),
      digest: expect.digest,
    });
  }
  const lease = await store.lock.acquire(ingestLease(ref), {
    wait: options.wait ?? 0,
    ...(store.signal ? { signal: store.signal } : {}),
  });
  try {
    const writer = new NamedWriter(store, lease, expect, options.algorithm, ref);
    await writer.open();
    return writer;
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    throw error;
  }
}

class NamedWriter implements Writer {
  #ingest: Ingest | undefined;
  #digester: Digester;
  #sink: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #offset = 0;
  readonly #algorithm: Algorithm;

  constructor(
    readonly store: Store,
    readonly lease: Lease,
    readonly expect: { digest?: Digest; size?: number },
    algorithm: Algorithm | undefined,
    readonly ref: string,
  ) {
    this.#algorithm = expect.digest ? writableAlgorithm(expect.digest) : algorithm ?? "sha256";
    this.#digester = createDigester(this.#algorithm);
  }

  /** The prefix is hashed again, never trusted; one that cannot be read is started over. */
  async open(): Promise<void> {
    this.#ingest = await this.#reopened();
    try {
      this.#offset = await rehash(this.#ingest, this.#digester);
    } catch (error) {
      const message = `Starting "${this.ref}" over: ${messageOf(error)}`;
      this.store.notice({ code: "ingest_damaged", message });
      return await this.#restart();
    }
    this.#sink = this.#ingest.writable.getWriter();
  }

  #reopened(): Promise<Ingest> {
    return this.store.backend.blobs.ingest({ ref: this.ref, expect: this.expect });
  }

  async #restart(): Promise<void> {
    await this.#ingest?.[Symbol.asyncDispose]();
    await this.store.backend.blobs.abort(this.ref);
    this.#digester = createDigester(this.#algorithm);
    this.#offset = 0;
    this.#ingest = await this.#reopened();
    this.#sink = this.#ingest.writable.getWriter();
  }

  #opened(action: string): Ingest {
    if (!this.#ingest) throw new OciError("invalid", `Cannot ${action} "${this.ref}": it is closed`);
    this.lease.assertHeld();
    assertActive(this.store.signal, `${action} "${this.ref}"`);
    return this.#ingest;
  }

  get status(): IngestStatus {
    if (!this.#ingest) throw new OciError("invalid", `Cannot look at "${this.ref}": it is closed`);
    return this.#ingest.status;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { status } = this.#opened("write");
    if (status.total !== undefined && this.#offset + bytes.length > status.total) {
      throw new OciError(
        "size_exceeded",
        `Cannot write "${this.ref}": ${status.total} bytes are all it may have`,
      );
    }
    const written = this.#sink?.write(bytes);
    this.#digester.update(bytes);
    await written;
    this.#offset += bytes.length;
  }

  digest(): Digest {
    return this.#digester.digest();
  }

  async truncate(size: number): Promise<void> {
    this.#opened("truncate");
    if (size !== 0) {
      throw new OciError("invalid", `Cannot truncate "${this.ref}" to ${size}: only to 0`);
    }
    await this.#restart();
  }

  async commit({ size, digest, labels = {} }: CommitOptions = {}) {
    const ingest = this.#opened("commit");
    checkLabels(labels);
    const { status } = ingest;
    const expected = {
      digest: digest === undefined ? status.expected : parseDigest(digest),
      size: size ?? status.total,
    };
    try {
      const found = { digest: await this.#digestAs(ingest, expected.digest), size: this.#offset };
      verify(found, {
        ...(expected.digest === undefined ? {} : { digest: expected.digest }),
        ...(expected.size === undefined ? {} : { size: expected.size }),
      });
      const existed = await adoptPresent(this.store, found) !== undefined;
      this.lease.assertHeld();
      await publish(this.store, ingest, found);
      if (Object.keys(labels).length > 0) await update(this.store, found.digest, labels, []);
      return { ...await info(this.store, found.digest), existed };
    } finally {
      await this.close();
    }
  }

  /** The digest in the algorithm of `wanted`: other than the one so far, the stored bytes are hashed again. */
  async #digestAs(ingest: Ingest, wanted: Digest | undefined): Promise<Digest> {
    const algorithm = wanted === undefined ? this.#algorithm : writableAlgorithm(wanted);
    if (algorithm === this.#algorithm) return this.#digester.digest();
    const digester = createDigester(algorithm);
    await rehash(ingest, digester);
    return digester.digest();
  }

  async close(): Promise<void> {
    const ingest = this.#ingest;
    this.#ingest = undefined;
    if (!ingest) return;
    try {
      this.#sink?.releaseLock();
      await ingest[Symbol.asyncDispose]();
    } finally {
      await this.lease[Symbol.asyncDispose]();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function rehash(ingest: Ingest, digester: Digester): Promise<number> {
  let size = 0;
  for await (const chunk of chunksOf(await ingest.stored())) {
    digester.update(chunk);
    size += chunk.length;
  }
  return size;
}

/**
 * Writes a whole source under a name, from where an earlier try has come to; already stored counts as success.
 *
 * @throws {OciError} `corrupt` if the source ends early (the bytes are kept), and as a writer does.
 */
export async function writeBlob(
  store: Store,
  source: Source,
  options: OpenWriterOptions & { onBytes?: ((bytes: number) => void) | undefined },
): Promise<Info & { readonly existed: boolean; readonly resumed: number }> {
  const { expect } = options;
  assertWritable(store, "write a blob");
  checkExpected(expect ?? {});
  const present = expect && await adoptPresent(store, expect);
  if (present) {
    await chunksOf(source).cancel();
    return { ...await info(store, present.digest), existed: true, resumed: 0 };
  }
  await using writer = await openWriter(store, options);
  const { offset } = writer.status;
  const chunks = chunksOf(source, offset);
  let written = offset;
  try {
    for await (const chunk of chunks) {
      await writer.write(chunk);
      options.onBytes?.(written += chunk.length);
    }
    return { ...await writer.commit(expect ?? {}), resumed: offset };
  } finally {
    await chunks.cancel();
  }
}
