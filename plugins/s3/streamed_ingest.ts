import {
  type BlobInfo,
  createDigester,
  type Digest,
  type Ingest,
  OciError,
} from "../../core/mod.ts";
import { blobKey, hashOfDigest } from "./blob_key.ts";
import { putBody } from "./objects.ts";
import type { Place } from "./place.ts";
import type { Send } from "./transport.ts";
import { assertOpen, checkCommit, notKept } from "./write_checks.ts";

/** What one request takes: fewer bytes are as well gathered, of more a failure would send too many again. */
const [LEAST, MOST] = [1 << 20, 256 << 20];

/** A blob that can be sent as it comes: its bytes can be had again, and what signs them is known. */
export interface Streamed {
  readonly digest: Digest;
  readonly size: number;
  readonly hash: string;
  readonly again: () => AsyncIterable<Uint8Array>;
}

/** Whether a write can be sent as it comes. */
export function streamedOf(
  { digest, size = 0 }: Partial<BlobInfo>,
  again: (() => AsyncIterable<Uint8Array>) | undefined,
): Streamed | undefined {
  const hash = digest && hashOfDigest(digest);
  if (!digest || !hash || !again || size < LEAST || size > MOST) return undefined;
  return { digest, size, hash, again };
}

/**
 * A write that goes out in one request as it comes, without memory of its own. The last byte waits for the commit: until
 * then the store has nothing. If the request fails, another asks for the bytes again.
 */
export function streamedIngest(place: Place, blob: Streamed): Ingest {
  const { client } = place;
  const { clock } = client;
  const { digest, size, hash, again } = blob;
  const action = `store ${digest}`;
  const startedAt = new Date(clock.now());
  const over = new AbortController();
  const last = new Uint8Array(1);
  const first = Promise.withResolvers<Send>();
  const committed = Promise.withResolvers<void>();
  let sent: Promise<void> | undefined;
  let updatedAt = startedAt;
  let offset = 0;
  let tries = 0;
  let failure: { readonly error: unknown } | undefined;

  /** Gives how what is written goes out with the first request; throws what the last one failed with. */
  async function begin(): Promise<Send> {
    const body = { length: size, pour };
    sent ??= putBody(client, blobKey(place, digest), body, action, hash, over.signal).then(
      () => {},
      (error) => {
        failure = { error };
        first.reject(error);
      },
    );
    if (failure) throw failure.error;
    return await first.promise;
  }

  async function pour(send: Send): Promise<void> {
    const held = ++tries === 1 ? last : new Uint8Array(1);
    first.resolve(send);
    if (held !== last) await sendAgain(send, held);
    await committed.promise;
    await send(held);
  }

  async function sendAgain(send: Send, held: Uint8Array): Promise<void> {
    const digester = createDigester("sha256");
    let at = 0;
    for await (const chunk of again()) {
      digester.update(chunk);
      if (!await send(allButLast(chunk, at, held))) return;
      at += chunk.length;
    }
    if (at === size && digester.digest() === digest) return;
    throw new OciError("corrupt", `Cannot ${action}: its source has changed`, { digest });
  }

  /** What goes out at once of a chunk; the last byte is held. */
  function allButLast(chunk: Uint8Array, at: number, held: Uint8Array): Uint8Array {
    const most = Math.max(0, size - 1 - at);
    if (chunk.length > most) held.set(chunk.subarray(most, most + 1));
    return chunk.subarray(0, most);
  }

  return {
    get status() {
      return { ref: "", offset, startedAt, updatedAt, total: size, expected: digest };
    },
    stored: notKept,
    writable: new WritableStream<Uint8Array>({
      async write(chunk) {
        assertOpen(!over.signal.aborted, "write a blob");
        const send = await begin();
        await send(allButLast(chunk, offset, last));
        offset += chunk.length;
        updatedAt = new Date(clock.now());
      },
    }),
    async commit(done) {
      assertOpen(!over.signal.aborted, action);
      checkCommit(done, { offset, expected: digest });
      committed.resolve();
      await sent;
      if (failure) throw failure.error;
      over.abort();
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      await sent;
    },
  };
}
