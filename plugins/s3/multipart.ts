import { Buffer } from "node:buffer";
import { OciError } from "../../core/mod.ts";
import type { Client } from "./client.ts";
import { connectionFailure, isFatal } from "./lost.ts";
import { bareEtag, copySource, headObject, patienceOf, sendWorking } from "./objects.ts";
import { pauseOf } from "./pace.ts";
import { failureOf, remedyOf, type Trouble } from "./trouble.ts";
import { childrenOf, escapeXml, parseXml, textOf } from "./xml.ts";

/** Bytes of a part, where nothing asks for more. */
export const PART = 8 << 20;
/** Most parts of an upload. */
const MOST_PARTS = 10_000;
const MIB = 1 << 20;
const TRIES = 6;

/** The size of all parts but the last, for an upload of so many bytes. */
export function partSize(total: number | undefined): number {
  return Math.max(PART, Math.ceil((total ?? 0) / 9000 / MIB) * MIB);
}

/** An upload in parts: nothing shows before it is complete. */
export interface Upload {
  readonly key: string;
  readonly id: string;
  /** Stores a part; the first has the number 1. */
  part(number: number, bytes: Uint8Array): Promise<void>;
  /** Takes a part from an object of the same store, or some bytes of it; `source` as {@linkcode copySource} says. */
  copy(number: number, source: string, range?: { start: number; end: number }): Promise<void>;
  /** Takes over the parts that were stored before, from the first to the last without a gap; gives their bytes. */
  resume(): Promise<number>;
  /** Makes one object of the parts; throws unless that has `size` bytes then. */
  complete(size: number): Promise<void>;
  /** Drops it; one that is gone is dropped. */
  abort(): Promise<void>;
}

/** Begins an upload. */
export async function startUpload(client: Client, key: string, action: string): Promise<Upload> {
  const { bytes } = await client.send({
    operation: "CreateMultipartUpload",
    action,
    method: "POST",
    key,
    query: { uploads: "" },
    fresh: true,
  });
  const id = textOf(parseXml(Buffer.from(bytes).toString()), "UploadId");
  if (id) return uploadOf(client, key, id, action);
  throw new OciError("unavailable", `Cannot ${action}: the store names no upload`);
}

/** An upload that was begun before. */
export function uploadOf(client: Client, key: string, id: string, action: string): Upload {
  const etags = new Map<number, string>();
  const { clock, where } = client;

  function checkNumber(number: number): void {
    if (number <= MOST_PARTS) return;
    const why = `more than ${MOST_PARTS} parts are needed; give the total size`;
    throw new OciError("size_exceeded", `Cannot ${action}: ${why}`, { url: where.url });
  }

  async function completed(): Promise<Trouble | undefined> {
    const parts = [...etags].sort(([a], [b]) => a - b).map(([number, etag]) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(`"${etag}"`)}</ETag></Part>`
    );
    const body = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
      parts.join("")
    }</CompleteMultipartUpload>`;
    const { trouble } = await sendWorking(client, {
      operation: "CompleteMultipartUpload",
      action,
      method: "POST",
      key,
      query: { uploadId: id },
      headers: { "content-type": "application/xml" },
      body: Buffer.from(body),
    });
    return trouble;
  }

  return {
    key,
    id,
    async part(number, bytes) {
      checkNumber(number);
      const { headers } = await client.send({
        operation: "UploadPart",
        action,
        method: "PUT",
        key,
        query: { partNumber: String(number), uploadId: id },
        body: bytes,
        patience: patienceOf(bytes.length),
      });
      etags.set(number, bareEtag(headers["etag"]));
    },

    async copy(number, source, range) {
      checkNumber(number);
      const etag = await working(client, action, {
        operation: "UploadPartCopy",
        key,
        query: { partNumber: String(number), uploadId: id },
        headers: {
          "x-amz-copy-source": source,
          ...(range ? { "x-amz-copy-source-range": `bytes=${range.start}-${range.end - 1}` } : {}),
        },
      });
      etags.set(number, bareEtag(etag));
    },

    async resume() {
      let size = 0;
      for await (const part of listParts(client, key, id, action)) {
        if (part.number !== etags.size + 1) break;
        etags.set(part.number, part.etag);
        size += part.size;
      }
      return size;
    },

    async complete(size) {
      for (let tries = 1;; tries++) {
        let failure: OciError;
        try {
          const trouble = await completed();
          if (!trouble) break;
          failure = failureOf(trouble, action, where);
          const remedy = remedyOf(trouble);
          const unsure = remedy === "again" || remedy === "slower" || trouble.status === 404;
          if (!unsure) throw failure;
        } catch (error) {
          if (isFatal(error)) throw connectionFailure(error, action, where);
          failure = connectionFailure(error, action, where);
        }
        // The answer may have been lost behind a success, after which there is no such upload.
        if ((await headObject(client, key, action))?.size === size) return;
        if (tries >= TRIES) throw failure;
        await clock.sleep(pauseOf(clock, tries));
      }
      const made = await headObject(client, key, action);
      if (made?.size === size) return;
      const why = made ? `it has ${made.size} bytes, not ${size}` : "it is not there afterwards";
      throw new OciError("unavailable", `Cannot ${action}: ${why}`, { url: where.url });
    },

    abort: () => abortUpload(client, key, id, action),
  };
}

/** The stored parts of an upload by number; none of one that is not there. */
async function* listParts(client: Client, key: string, id: string, action: string) {
  let marker = "";
  while (true) {
    const { status, bytes } = await client.send({
      operation: "ListParts",
      action,
      method: "GET",
      key,
      query: { uploadId: id, ...(marker === "" ? {} : { "part-number-marker": marker }) },
      accept: [404],
    });
    const root = status === 404 ? undefined : parseXml(Buffer.from(bytes).toString());
    for (const part of root ? childrenOf(root, "Part") : []) {
      const number = Number(textOf(part, "PartNumber"));
      yield { number, etag: bareEtag(textOf(part, "ETag")), size: Number(textOf(part, "Size")) };
    }
    marker = textOf(root, "NextPartNumberMarker") ?? "";
    if (textOf(root, "IsTruncated") !== "true" || marker === "") return;
  }
}

/** Drops an upload; one that is gone is dropped. */
export async function abortUpload(client: Client, key: string, id: string, action: string) {
  await client.send({
    operation: "AbortMultipartUpload",
    action,
    method: "DELETE",
    key,
    query: { uploadId: id },
    accept: [404],
  });
}

/** Sends a copy until it is done: copying twice does no harm. Gives the ETag of what was made. */
async function working(
  client: Client,
  action: string,
  call: {
    operation: string;
    key: string;
    query?: Record<string, string>;
    headers: Record<string, string>;
  },
): Promise<string> {
  for (let tries = 1;; tries++) {
    try {
      const { root, trouble } = await sendWorking(client, { ...call, action, method: "PUT" });
      if (root) return textOf(root, "ETag") ?? "";
      const remedy = remedyOf(trouble);
      if (tries >= TRIES || (remedy !== "again" && remedy !== "slower")) {
        throw failureOf(trouble, action, client.where);
      }
    } catch (error) {
      if (isFatal(error) || tries >= TRIES) throw connectionFailure(error, action, client.where);
    }
    await client.clock.sleep(pauseOf(client.clock, tries));
  }
}

/** The ranges of at most a gibibyte that an object is copied by, all of about one size. */
export function* rangesOf(size: number): Generator<{ start: number; end: number }> {
  const count = Math.max(1, Math.ceil(size / COPY_PART));
  const step = Math.ceil(size / count);
  for (let start = 0; start < size; start += step) {
    yield { start, end: Math.min(size, start + step) };
  }
}

/** The largest object that is copied by one request. */
const ONE_COPY = 5 * 2 ** 30;
const COPY_PART = 2 ** 30;

/** Copies an object within the store, without its bytes passing through here. */
export async function copyObject(
  client: Client,
  source: { readonly bucket: string; readonly key: string; readonly etag?: string },
  key: string,
  size: number,
  action: string,
): Promise<void> {
  const from = copySource(source.bucket, source.key);
  if (size <= ONE_COPY) {
    const headers: Record<string, string> = { "x-amz-copy-source": from };
    if (source.etag) headers["x-amz-copy-source-if-match"] = `"${source.etag}"`;
    await working(client, action, { operation: "CopyObject", key, headers });
    return;
  }
  const upload = await startUpload(client, key, action);
  try {
    let number = 0;
    for (const range of rangesOf(size)) await upload.copy(++number, from, range);
    await upload.complete(size);
  } catch (error) {
    await upload.abort().catch(() => {});
    throw error;
  }
}
