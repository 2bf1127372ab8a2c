import { Buffer } from "node:buffer";
import {
  type BlobInfo,
  type Blobs,
  type Digest,
  digestOf,
  type Ingest,
  type IngestStatus,
  isDigest,
  isOciError,
  OciError,
  randomHex,
  splitDigest,
} from "../../core/mod.ts";
import { conditionalPut, getStored, type Stored } from "./conditional.ts";
import { INGESTS } from "./doc_names.ts";
import { listPages } from "./lists.ts";
import { abortUpload } from "./multipart.ts";
import { deleteObject, putObject } from "./objects.ts";
import type { Place } from "./place.ts";

/** Bytes of a named write that are stored: an object, as parts of an upload cannot be read back. */
export interface Piece {
  readonly name: string;
  readonly size: number;
}

/** What is remembered of a named write. */
export interface IngestRecord {
  readonly ref: string;
  /** Names this very beginning of it: an old writer cannot reach the bytes of a new one. */
  readonly life: string;
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly total?: number;
  readonly expected?: Digest;
  readonly pieces: readonly Piece[];
  /** The upload that will be the next piece. */
  readonly upload?: { readonly name: string; readonly id: string };
}

/** A record, and the version under which it was read. */
export interface SeenRecord {
  readonly record: IngestRecord;
  readonly etag: string;
}

/** The records of named writes. */
export interface IngestRecords {
  load(ref: string): Promise<SeenRecord | undefined>;
  /** Writes it if nobody else has meanwhile; throws `aborted`. */
  save(record: IngestRecord, seen: string | undefined): Promise<SeenRecord>;
  /** Removes a record and its pieces, if it is still that life. */
  remove(seen: SeenRecord): Promise<void>;
  /** Removes what a record names. */
  drop(record: IngestRecord): Promise<void>;
  /** The key of a piece. */
  pieceKey(record: IngestRecord, name: string): string;
  all(): AsyncGenerator<IngestRecord>;
}

/** The records below a place. */
export function ingestRecords(place: Place): IngestRecords {
  const { client } = place;
  const root = client.address.prefix + INGESTS;
  const idOf = (ref: string) => splitDigest(digestOf(Buffer.from(ref))).hex;
  const keyOf = (ref: string) => `${root}${idOf(ref)}.json`;

  const load = async (ref: string) => {
    const stored = await getStored(client, keyOf(ref), `read the write "${ref}"`);
    return stored && readRecord(stored);
  };

  return {
    load,
    async save(record, seen) {
      const { ref } = record;
      const action = `keep the write "${ref}"`;
      const body = Buffer.from(JSON.stringify({ ...record, nonce: randomHex(client.clock, 16) }));
      const form = await place.ability.forSwap();
      if (form === "alone") {
        return await place.inTurn(keyOf(ref), async () => {
          if ((await load(ref))?.etag !== seen) throw ended(ref);
          await putObject(client, keyOf(ref), body, action);
          return { record, etag: (await load(ref))?.etag ?? "" };
        });
      }
      const swap = { key: keyOf(ref), action, body, seen };
      const { etag } = await conditionalPut(client, swap, form);
      if (etag === undefined) throw ended(ref);
      return { record, etag };
    },
    async remove({ record }) {
      const { ref } = record;
      const now = await load(ref);
      if (now?.record.life === record.life) {
        await deleteObject(client, keyOf(ref), `end the write "${ref}"`);
      }
      await this.drop(record);
    },
    async drop(record) {
      const action = `end the write "${record.ref}"`;
      const { upload, pieces } = record;
      if (upload) {
        const key = this.pieceKey(record, upload.name);
        await abortUpload(client, key, upload.id, action);
        await deleteObject(client, key, action);
      }
      for (const { name } of pieces) {
        await deleteObject(client, this.pieceKey(record, name), action);
      }
    },
    pieceKey: ({ ref, life }, name) => `${root}${idOf(ref)}/${life}/${name}`,
    async *all() {
      for await (const { objects } of listPages(client, { prefix: INGESTS, delimiter: "/" })) {
        for (const { name } of objects) {
          const key = client.address.prefix + name;
          const stored = await getStored(client, key, "list the writes");
          const seen = stored && readRecord(stored);
          if (seen) yield seen.record;
        }
      }
    },
  };
}

/** What is thrown where somebody ended a write, or began it anew. */
export function ended(ref: string): OciError {
  return new OciError("aborted", `Cannot go on with "${ref}": the write was ended`, { ref });
}

function readRecord({ bytes, etag }: Stored): SeenRecord | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isRecord(value) ? { record: value, etag } : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is IngestRecord {
  const { ref, life, startedAt, updatedAt, total, expected, pieces, upload } = (value ?? {}) as {
    [name: string]: unknown;
  };
  return typeof ref === "string" && typeof life === "string" && /^[0-9a-f]+$/.test(life) &&
    Number.isSafeInteger(startedAt) && Number.isSafeInteger(updatedAt) &&
    (total === undefined || Number.isSafeInteger(total)) &&
    (expected === undefined || isDigest(expected)) &&
    (upload === undefined || isUpload(upload)) && Array.isArray(pieces) &&
    pieces.every(({ name, size }) => /^[0-9a-f-]+$/.test(name) && Number.isSafeInteger(size));
}

function isUpload(value: unknown): boolean {
  const { name, id } = (value ?? {}) as { [name: string]: unknown };
  return typeof name === "string" && /^[0-9a-f]+$/.test(name) && typeof id === "string";
}

/** How far a write has come, as its record tells. */
export function statusOf(record: IngestRecord): IngestStatus {
  const { ref, startedAt, updatedAt, total, expected, pieces } = record;
  return {
    ref,
    offset: pieces.reduce((sum, { size }) => sum + size, 0),
    startedAt: new Date(startedAt),
    updatedAt: new Date(updatedAt),
    ...(total === undefined ? {} : { total }),
    ...(expected === undefined ? {} : { expected }),
  };
}

/** A record with what is said now; undefined if they contradict each other. */
function agree(
  record: IngestRecord,
  { size, digest }: Partial<BlobInfo>,
): IngestRecord | undefined {
  const { total = size, expected = digest } = record;
  if ((size ?? total) !== total || (digest ?? expected) !== expected) return undefined;
  return {
    ...record,
    ...(total === undefined ? {} : { total }),
    ...(expected === undefined ? {} : { expected }),
  };
}

/** Opens, lists and ends named writes; `open` makes the writer of a record. */
export function namedIngests(
  place: Place,
  records: IngestRecords,
  open: (seen: SeenRecord) => Promise<Ingest>,
): {
  named(ref: string, expect: Partial<BlobInfo>): Promise<Ingest>;
} & Pick<Blobs, "ingests" | "abort"> {
  const { client } = place;

  async function afresh(ref: string, expect: Partial<BlobInfo>, etag: string | undefined) {
    const now = client.clock.now();
    const blank = {
      ref,
      life: randomHex(client.clock, 16),
      startedAt: now,
      updatedAt: now,
      pieces: [],
    };
    return await records.save(agree(blank, expect) ?? blank, etag);
  }

  return {
    async named(ref, expect) {
      while (true) {
        const seen = await records.load(ref);
        const agreed = seen && agree(seen.record, expect);
        try {
          if (!agreed) {
            const fresh = await afresh(ref, expect, seen?.etag);
            if (seen) await records.drop(seen.record);
            return await open(fresh);
          }
          return await open(await records.save(agreed, seen.etag));
        } catch (error) {
          // Another opener was first: look again at what it made of the name.
          if (!isOciError(error, "aborted") || error.ref !== ref) throw error;
        }
      }
    },
    async *ingests() {
      for await (const record of records.all()) yield statusOf(record);
    },
    async abort(ref) {
      place.assertWritable(`abort "${ref}"`);
      const seen = await records.load(ref);
      if (!seen) {
        throw new OciError("not_found", `Cannot abort "${ref}": there is no such write`, { ref });
      }
      await records.remove(seen);
    },
  };
}
