import { type Ingest, OciError, randomHex } from "../../core/mod.ts";
import { type Buffers, Gatherer } from "./buffers.ts";
import { getStored } from "./conditional.ts";
import { copyObject, partSize } from "./multipart.ts";
import {
  ended,
  type IngestRecords,
  type Piece,
  type SeenRecord,
  statusOf,
} from "./named_ingests.ts";
import { copySource, deleteObject, putObject } from "./objects.ts";
import { createPartSender } from "./part_sender.ts";
import type { Place } from "./place.ts";
import { blobKey, checkSize, hashOfDigest } from "./unnamed_ingest.ts";
import { readBlob } from "./blob_stream.ts";

/** Pieces between two savings of the record. */
const SAVE_EVERY = 4;

/**
 * A write under a name, kept when it is left: whole pieces are stored as they fill, the rest when it is closed. A
 * shorter last piece is taken up again, as only the last part of an upload may be small.
 */
export async function namedIngest(
  place: Place,
  records: IngestRecords,
  buffers: Buffers,
  opened: SeenRecord,
): Promise<Ingest> {
  const { client } = place;
  const { clock } = client;
  const { ref } = opened.record;
  const gathered = new Gatherer(partSize(opened.record.total), buffers);
  let seen = opened;
  let pieces: readonly Piece[] = opened.record.pieces;
  let unsaved = 0;
  let { offset, updatedAt } = statusOf(opened.record);
  let open = true;
  /** The short piece that was taken up again: it goes once its bytes are stored elsewhere. */
  let former: Piece | undefined;

  const last = pieces.at(-1);
  if (last && last.size < gathered.most) {
    const key = records.pieceKey(seen.record, last.name);
    const stored = await getStored(client, key, `go on with "${ref}"`);
    if (stored?.bytes.length !== last.size) {
      throw new OciError("corrupt", `Cannot go on with "${ref}": what was stored is gone`, { ref });
    }
    gathered.add(stored.bytes);
    former = last;
    pieces = pieces.slice(0, -1);
  }

  function assertOpen(action: string): void {
    if (!open) throw new OciError("invalid", `Cannot ${action}: the write is closed`, { ref });
  }

  async function store(): Promise<void> {
    const name = randomHex(clock, 16);
    const bytes = gathered.peek();
    await putObject(client, records.pieceKey(seen.record, name), bytes, `go on with "${ref}"`);
    pieces = [...pieces, { name, size: bytes.length }];
    gathered.take();
    if (++unsaved >= SAVE_EVERY) await save();
  }

  async function save(): Promise<void> {
    seen = await records.save(
      { ...seen.record, pieces, updatedAt: updatedAt.getTime() },
      seen.etag,
    );
    unsaved = 0;
    if (!former) return;
    const key = records.pieceKey(seen.record, former.name);
    former = undefined;
    await deleteObject(client, key, `go on with "${ref}"`);
  }

  async function write(chunk: Uint8Array): Promise<void> {
    assertOpen(`write "${ref}"`);
    for (let at = 0; at < chunk.length;) {
      if (gathered.length === gathered.most) await store();
      at += gathered.add(chunk.subarray(at));
    }
    offset += chunk.length;
    updatedAt = new Date(clock.now());
  }

  /** Stores what is gathered, and remembers it. */
  async function keep(): Promise<void> {
    if (gathered.length === 0 && unsaved === 0) return;
    if (former && gathered.length === former.size && unsaved === 0) return;
    if (gathered.length > 0) await store();
    if (unsaved > 0) await save();
  }

  async function assertOurs(): Promise<void> {
    const now = await records.load(ref);
    if (now?.record.life !== seen.record.life) throw ended(ref);
  }

  return {
    get status() {
      return { ...statusOf(seen.record), offset, updatedAt };
    },

    stored() {
      assertOpen(`read "${ref}"`);
      const parts = pieces.map(({ name }) => name);
      const tail = gathered.peek().slice();
      const { record } = seen;
      const chunks = async function* () {
        for (const name of parts) {
          const key = records.pieceKey(record, name);
          yield* await readBlob(client, key, record.expected ?? "sha256:", {});
        }
        if (tail.length > 0) yield tail;
      };
      return Promise.resolve(ReadableStream.from(chunks()));
    },

    writable: new WritableStream<Uint8Array>({ write }),

    async commit(blob) {
      const { digest, size } = blob;
      assertOpen(`store ${digest}`);
      checkSize(blob, offset);
      await assertOurs();
      const key = blobKey(place, digest);
      const [only] = pieces;
      if (!only) {
        await putObject(client, key, gathered.peek(), `store ${digest}`, hashOfDigest(digest));
      } else if (pieces.length === 1 && gathered.length === 0) {
        const source = {
          bucket: client.where.bucket,
          key: records.pieceKey(seen.record, only.name),
        };
        await copyObject(client, source, key, size, `store ${digest}`);
      } else await join(key, size);
      open = false;
      const all = former ? [...pieces, former] : pieces;
      await records.remove({ ...seen, record: { ...seen.record, pieces: all } });
    },

    async [Symbol.asyncDispose]() {
      if (!open) return;
      try {
        await keep();
      } catch (error) {
        if (!(error instanceof OciError) || error.code !== "aborted") throw error;
      } finally {
        open = false;
      }
    },
  };

  async function join(key: string, size: number): Promise<void> {
    const sender = createPartSender(client, buffers, key, `store "${ref}"`);
    try {
      for (const { name } of pieces) {
        await sender.copy(copySource(client.where.bucket, records.pieceKey(seen.record, name)));
      }
      if (gathered.length > 0) await sender.send(gathered.peek().slice());
      await sender.complete(size);
    } catch (error) {
      await sender.abort().catch(() => {});
      throw error;
    }
  }
}
