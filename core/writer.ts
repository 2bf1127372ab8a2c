import { type Algorithm, type Digest, digestOf, splitDigest } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import type { Lease } from "./lock.ts";
import { NamedWriter, type Writer } from "./named_writer.ts";
import { adoptPresent, checkExpected, type Wanted } from "./put.ts";
import { assertWritable, placeOf, type Store } from "./store.ts";

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

/** The name of the lease of an ingest. */
export function ingestLease(ref: string): string {
  return `ingest/${splitDigest(digestOf(ref)).hex}`;
}

function checkRef(ref: string): void {
  const { length } = new TextEncoder().encode(ref);
  if (length >= 1 && length <= 512) return;
  throw new OciError("invalid", `Cannot name a write with ${length} bytes: 1 to 512 are needed`);
}

/** What is expected of a write, said in one of two places. */
function wantedOf({ expect = {}, total }: OpenWriterOptions): Wanted {
  const size = expect.size ?? (total || undefined);
  checkExpected({ ...expect, size });
  if (total && size !== total) {
    throw new OciError("invalid", `Cannot write ${size} bytes: ${total} were given as the total`);
  }
  return { digest: expect.digest, size };
}

/** Opens or reopens a named write, alone. */
export async function openWriter(store: Store, options: OpenWriterOptions): Promise<Writer> {
  const { ref, wait = 0, algorithm = "sha256" } = options;
  assertWritable(store, "open a writer");
  checkRef(ref);
  const wanted = wantedOf(options);
  await assertAbsent(store, wanted);
  const writer = new NamedWriter(store, await leaseOf(store, ref, wait), ref, algorithm);
  try {
    // Whoever held the lease may have been writing the same.
    await assertAbsent(store, wanted);
    await writer.open(wanted);
    return writer;
  } catch (error) {
    await writer.close();
    throw error;
  }
}

async function assertAbsent(store: Store, wanted: Wanted): Promise<void> {
  const { digest } = wanted;
  if (!await adoptPresent(store, wanted)) return;
  throw new OciError("already_exists", `Cannot write "${digest}": it is stored already`, {
    url: placeOf(store),
    digest,
  });
}

async function leaseOf(store: Store, ref: string, wait: number): Promise<Lease> {
  const { signal } = store;
  try {
    return await store.lock.acquire(ingestLease(ref), { wait, ...(signal ? { signal } : {}) });
  } catch (error) {
    if (!isOciError(error)) throw error;
    const message = `Cannot open the write ${JSON.stringify(ref)}: ${error.message}`;
    throw new OciError(error.code, message, { url: placeOf(store), ref, cause: error });
  }
}
