import { type BlobInfo, type Ingest, isOciError, OciError, randomHex } from "../../core/mod.ts";
import { readBlob } from "./blob_stream.ts";
import { type Buffers, Gatherer } from "./buffers.ts";
import { getStored } from "./conditional.ts";
import { copyObject, partSize, rangesOf, uploadOf } from "./multipart.ts";
import {
  ended,
  type IngestRecord,
  type IngestRecords,
  type Piece,
  type SeenRecord,
  statusOf,
} from "./named_ingests.ts";
import { copySource, deleteObject, headObject, putObject } from "./objects.ts";
import { createPartSender, type PartSender } from "./part_sender.ts";
import type { Place } from "./place.ts";
import { blobKey, hashOfDigest } from "./blob_key.ts";
import { checkCommit } from "./write_checks.ts";

/**
 * A write under a name, kept when it is left. What comes to more than a part goes into an upload of its own, whose id is
 * remembered before its first part: when the write is left, the upload becomes a piece that can be read back; when its
 * writer died, the next one makes a piece of the parts that had arrived. A short last piece is taken up again, as only
 * the last part of an upload may be small.
 */
export async function namedIngest(
  place: Place,
  records: IngestRecords,
  buffers: Buffers,
  opened: SeenRecord,
): Promise<Ingest> {
  const { client } = place;
  const { clock } = client;
  const { ref, startedAt: _, ...begun } = opened.record;
  const action = `write "${ref}"`;
  const gathered = new Gatherer(partSize(begun.total), buffers);
  const keyOf = (name: string) => records.pieceKey(opened.record, name);
  let seen = await settled(place, records, opened);
  let { pieces } = seen.record;
  let { offset, updatedAt } = statusOf(seen.record);
  let open = true;
  let sending: { readonly name: string; readonly sender: PartSender } | undefined;
  /** The short piece that was taken up again: it goes once its bytes are stored elsewhere. */
  let former: Piece | undefined;

  const last = pieces.at(-1);
  if (last && last.size < gathered.most) {
    const stored = await getStored(client, keyOf(last.name), `go on with "${ref}"`);
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

  async function save(upload?: IngestRecord["upload"]): Promise<void> {
    const { upload: _, ...record } = seen.record;
    const now = { ...record, pieces, updatedAt: updatedAt.getTime() };
    seen = await records.save(upload ? { ...now, upload } : now, seen.etag);
  }

  /** Sends a full part; the first begins an upload that others can find. */
  async function send(): Promise<void> {
    if (!sending) {
      const name = randomHex(clock, 16);
      const sender = createPartSender(client, buffers, keyOf(name), action);
      const id = await sender.begin();
      sending = { name, sender };
      await save({ name, id });
    }
    await sending.sender.send(gathered.take());
  }

  /** Makes a piece of what was sent and gathered, if it came to anything, and remembers it. */
  async function keep(): Promise<void> {
    if (sending) {
      const { name, sender } = sending;
      if (gathered.length > 0) await sender.send(gathered.take());
      await sender.complete(sender.sent);
      pieces = [...pieces, { name, size: sender.sent }];
      sending = undefined;
    } else {
      if (gathered.length === (former?.size ?? 0)) return;
      const name = randomHex(clock, 16);
      const bytes = gathered.take();
      await putObject(client, keyOf(name), bytes, action);
      pieces = [...pieces, { name, size: bytes.length }];
    }
    await save();
    if (former) await deleteObject(client, keyOf(former.name), action);
    former = undefined;
  }

  async function write(chunk: Uint8Array): Promise<void> {
    assertOpen(action);
    for (let at = 0; at < chunk.length;) {
      if (gathered.length === gathered.most) await orEnded(send);
      at += gathered.add(chunk.subarray(at));
    }
    offset += chunk.length;
    updatedAt = new Date(clock.now());
  }

  /** Somebody who ends a write drops its upload first: that is told as what it is. */
  async function orEnded(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (isOciError(error, "not_found") && error.reason === undefined) throw ended(ref);
      throw error;
    }
  }

  async function assertOurs(): Promise<void> {
    const now = await records.load(ref);
    if (now?.record.life !== seen.record.life) throw ended(ref);
  }

  async function publish({ digest, size }: BlobInfo): Promise<void> {
    const key = blobKey(place, digest);
    const storing = `store ${digest}`;
    if (sending) await orEnded(keep);
    const { bucket } = client.where;
    const [first, ...more] = pieces;
    if (!first) {
      await putObject(client, key, gathered.peek(), storing, hashOfDigest(digest));
    } else if (more.length === 0 && gathered.length === 0) {
      await copyObject(client, { bucket, key: keyOf(first.name) }, key, size, storing);
    } else {
      const sender = createPartSender(client, buffers, key, storing);
      try {
        for (const { name, size } of pieces) {
          const source = copySource(bucket, keyOf(name));
          for (const range of rangesOf(size)) await sender.copy(source, range);
        }
        if (gathered.length > 0) await sender.send(gathered.peek().slice());
        await sender.complete(size);
      } catch (error) {
        await sender.abort().catch(() => {});
        throw error;
      }
    }
  }

  return {
    get status() {
      return { ...statusOf(seen.record), offset, updatedAt };
    },

    async stored() {
      assertOpen(`read "${ref}"`);
      if (sending) await orEnded(keep);
      const keys = pieces.map(({ name }) => keyOf(name));
      const tail = gathered.peek().slice();
      const chunks = async function* () {
        for (const key of keys) yield* await readBlob(client, key, `what was written of "${ref}"`);
        if (tail.length > 0) yield tail;
      };
      return ReadableStream.from(chunks());
    },

    writable: new WritableStream<Uint8Array>({ write }),

    async commit(blob) {
      assertOpen(`store ${blob.digest}`);
      checkCommit(blob, { offset });
      await assertOurs();
      await publish(blob);
      open = false;
      const all = former ? [...pieces, former] : pieces;
      await records.remove({ ...seen, record: { ...seen.record, pieces: all } });
    },

    async [Symbol.asyncDispose]() {
      if (!open) return;
      try {
        await orEnded(keep);
      } catch (error) {
        if (!isOciError(error, "aborted")) throw error;
      } finally {
        open = false;
      }
    },
  };
}

/** A record without an upload under way: what had arrived of one whose writer died is made a piece. */
async function settled(
  { client }: Place,
  records: IngestRecords,
  opened: SeenRecord,
): Promise<SeenRecord> {
  const { upload: left, ...record } = opened.record;
  if (!left) return opened;
  const action = `go on with "${record.ref}"`;
  const key = records.pieceKey(record, left.name);
  const upload = uploadOf(client, key, left.id, action);
  const size = await upload.resume();
  if (size > 0) await upload.complete(size);
  else await upload.abort();
  // Nothing is left of an upload that was completed just before its writer died, but the object.
  const made = size || (await headObject(client, key, action))?.size || 0;
  const piece = { name: left.name, size: made };
  const pieces = made > 0 ? [...record.pieces, piece] : record.pieces;
  return await records.save({ ...record, pieces }, opened.etag);
}
