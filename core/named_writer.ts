import type { BlobInfo, Ingest, IngestStatus } from "./backend.ts";
import {
  type Algorithm,
  createDigester,
  type Digest,
  type Digester,
  parseDigest,
  writableAlgorithm,
} from "./digest.ts";
import { isOciError, messageOf, OciError } from "./errors.ts";
import { checkLabels, type Info, info, type Labels, update } from "./labels.ts";
import type { Lease } from "./lock.ts";
import { expectation, publish, verify, type Wanted } from "./put.ts";
import { chunksOf } from "./source.ts";
import { assertActive, type Store } from "./store.ts";

/** What a commit must find. */
export interface CommitOptions {
  /** Bytes in all. */
  readonly size?: number;
  /** Their digest. */
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

/** A write under a name that is leased. */
export class NamedWriter implements Writer {
  #ingest: Ingest | undefined;
  #sink: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #digester = createDigester();
  #offset = 0;

  constructor(
    readonly store: Store,
    readonly lease: Lease,
    readonly ref: string,
    readonly algorithm: Algorithm,
  ) {}

  /** The prefix is hashed again, never trusted; one that is not what it should be is started over. */
  async open(wanted: Wanted): Promise<void> {
    const ingest = await this.#reopen(wanted);
    try {
      const { size } = await hashed(ingest, this.#digester);
      const { offset, total = Infinity } = ingest.status;
      if (size === offset && size <= total) this.#offset = size;
      else {throw new OciError(
          "corrupt",
          `${size} bytes are stored, not ${Math.min(offset, total)}`,
        );}
    } catch (error) {
      if (isOciError(error, "unavailable", "aborted")) throw error;
      const message = `Starting "${this.ref}" over: ${messageOf(error)}`;
      this.store.notice({ code: "ingest_damaged", message });
      await this.#restart(ingest);
    }
  }

  async #reopen(wanted: Wanted): Promise<Ingest> {
    const ingest = await this.store.backend.blobs.ingest({
      ref: this.ref,
      expect: expectation(wanted),
    });
    this.#ingest = ingest;
    this.#sink = ingest.writable.getWriter();
    this.#digester = createDigester(this.#algorithmOf(ingest));
    this.#offset = 0;
    return ingest;
  }

  #algorithmOf({ status: { expected } }: Ingest): Algorithm {
    return expected === undefined ? this.algorithm : writableAlgorithm(expected);
  }

  async #restart(ingest: Ingest): Promise<void> {
    const { expected: digest, total: size } = ingest.status;
    await this.#leave(ingest);
    try {
      await this.store.backend.blobs.abort(this.ref);
    } catch (error) {
      if (!isOciError(error, "not_found")) throw error;
    }
    await this.#reopen({ digest, size });
  }

  async #leave(ingest: Ingest): Promise<void> {
    this.#ingest = undefined;
    this.#sink?.releaseLock();
    await ingest[Symbol.asyncDispose]();
  }

  #opened(action: string): Ingest {
    if (!this.#ingest) {
      throw new OciError("invalid", `Cannot ${action} "${this.ref}": it is closed`);
    }
    this.lease.assertHeld();
    assertActive(this.store.signal, `${action} "${this.ref}"`);
    return this.#ingest;
  }

  get status(): IngestStatus {
    if (this.#ingest) return this.#ingest.status;
    throw new OciError("invalid", `Cannot look at "${this.ref}": it is closed`);
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { status: { total = Infinity } } = this.#opened("write");
    if (this.#offset + bytes.length > total) {
      throw new OciError(
        "size_exceeded",
        `Cannot write "${this.ref}": ${total} bytes are its total`,
      );
    }
    this.#offset += bytes.length;
    const written = this.#sink?.write(bytes);
    this.#digester.update(bytes);
    try {
      await written;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  digest(): Digest {
    return this.#digester.digest();
  }

  async truncate(size: number): Promise<void> {
    const ingest = this.#opened("truncate");
    if (size !== 0) {
      throw new OciError("invalid", `Cannot truncate "${this.ref}" to ${size}: only to 0`);
    }
    await this.#restart(ingest);
  }

  async commit({ size, digest, labels = {} }: CommitOptions = {}) {
    const ingest = this.#opened("commit");
    checkLabels(labels);
    if (digest !== undefined) writableAlgorithm(parseDigest(digest));
    const { expected, total } = ingest.status;
    try {
      await this.#blob(ingest, { digest: expected, size: total });
      const blob = await this.#blob(ingest, { digest: digest ?? expected, size });
      this.lease.assertHeld();
      const existed = await publish(this.store, ingest, blob);
      if (existed) await ingest.commit(blob);
      const paths = Object.keys(labels).map((key) => `labels.${key}`);
      if (paths.length > 0) await update(this.store, blob.digest, labels, paths);
      return { ...await info(this.store, blob.digest), existed };
    } finally {
      await this.close();
    }
  }

  /** The bytes so far as a blob, hashed again if another algorithm is wanted; throws `corrupt` if they are not right. */
  async #blob(ingest: Ingest, wanted: Wanted): Promise<BlobInfo> {
    const algorithm = this.#algorithmOf(ingest);
    const { digest = this.digest() } = wanted;
    const other = writableAlgorithm(digest);
    const blob = algorithm === other
      ? { digest: this.digest(), size: this.#offset }
      : await hashed(ingest, createDigester(other));
    verify(blob, wanted);
    return blob;
  }

  async close(): Promise<void> {
    try {
      if (this.#ingest) await this.#leave(this.#ingest);
    } finally {
      await this.lease[Symbol.asyncDispose]();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function hashed(ingest: Ingest, digester: Digester): Promise<BlobInfo> {
  const chunks = chunksOf(await ingest.stored());
  let size = 0;
  try {
    for await (const chunk of chunks) {
      digester.update(chunk);
      size += chunk.length;
    }
  } finally {
    await chunks.cancel();
  }
  return { digest: digester.digest(), size };
}
