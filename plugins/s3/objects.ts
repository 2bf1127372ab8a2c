import { OciError } from "../../core/mod.ts";
import type { Call, Client, Reply } from "./client.ts";
import { base64, sha256 } from "./hash.ts";
import type { Flow } from "./transport.ts";
import { encodeKey, encodeSegment } from "./keys.ts";
import { type Trouble, troubleOf } from "./trouble.ts";
import { type Element, parseXml, textOf } from "./xml.ts";

/** What an object is, without its bytes. */
export interface ObjectInfo {
  readonly size: number;
  /** Bare: without quotes. */
  readonly etag: string;
  readonly modified?: Date;
}

/** An ETag without what servers wrap it in. */
export function bareEtag(etag: string | undefined): string {
  return (etag ?? "").replace(/^W\//, "").replaceAll("&quot;", "").replaceAll('"', "");
}

/** How often an answer may come without what it must say. */
const TRIES = 5;
/** Milliseconds to wait for a server that works before it answers. */
const WORKING = 600_000;

/** Looks an object up; undefined if it is not there. */
export async function headObject(
  client: Client,
  key: string,
  action: string,
): Promise<ObjectInfo | undefined> {
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      const { status, headers } = await client.send({
        operation: "HeadObject",
        action,
        method: "HEAD",
        key,
        accept: [404],
        patience: 10_000,
      });
      if (status === 404) return undefined;
      // An answer on its way through broken hands; no length is not the length 0.
      if (headers["content-length"] !== undefined) return infoOf(headers);
    }
    throw new OciError("unavailable", `${action}: no answer says its length`);
  } catch (error) {
    // Where listing is denied, a server says so of every key that is not there.
    if (!(error instanceof OciError) || error.reason !== "access") throw error;
    const hint = "; without the right to list the bucket, so it is for all that is not there";
    throw new OciError("refused", error.message + hint, error);
  }
}

/** What the head of an answer says of an object. */
export function infoOf(headers: Readonly<Record<string, string>>): ObjectInfo {
  const modified = Date.parse(headers["last-modified"] ?? "");
  return {
    size: Number(headers["content-length"] ?? 0),
    etag: bareEtag(headers["etag"]),
    ...(Number.isNaN(modified) ? {} : { modified: new Date(modified) }),
  };
}

/** Stores an object whole. The server checks the bytes against their hash; `hash` is their SHA-256 if it is known. */
export async function putObject(
  client: Client,
  key: string,
  body: Uint8Array,
  action: string,
  hash = sha256(body),
): Promise<Reply> {
  return await putBody(client, key, body, action, hash);
}

/** Stores an object of which the hash is known beforehand, whole or as it comes. */
export async function putBody(
  client: Client,
  key: string,
  body: Uint8Array | Flow,
  action: string,
  hash: string,
  signal?: AbortSignal,
): Promise<Reply> {
  return await client.send({
    operation: "PutObject",
    action,
    method: "PUT",
    key,
    body,
    hash,
    headers: { "x-amz-checksum-sha256": base64(hash) },
    patience: patienceOf(body.length),
    ...(signal ? { signal } : {}),
  });
}

/** Milliseconds for so many bytes: a slow line is no dead one. */
export function patienceOf(bytes: number): number {
  return 30_000 + Math.ceil(bytes / 256);
}

/** Removes an object; one that is not there is removed. */
export async function deleteObject(client: Client, key: string, action: string): Promise<void> {
  await client.send({ operation: "DeleteObject", action, method: "DELETE", key, accept: [404] });
}

/** The header that names an object to be copied. */
export function copySource(bucket: string, key: string): string {
  return `/${encodeSegment(bucket)}/${encodeKey(key)}`;
}

/**
 * Sends once what a server may answer with 200 before it knows the result: the body then decides. Gives the root
 * element, or what went wrong.
 */
export async function sendWorking(
  client: Client,
  call: Call,
): Promise<{ root: Element; trouble?: undefined } | { root?: undefined; trouble: Trouble }> {
  const { reply, trouble } = await client.attempt({ ...call, patience: WORKING });
  if (trouble) return { trouble };
  const root = parseXml(new TextDecoder().decode(reply.bytes));
  if (root && root.name !== "Error") return { root };
  const inner = troubleOf(root ? statusOf(textOf(root, "Code")) : 500, reply.headers, reply.bytes);
  return { trouble: inner };
}

function statusOf(code: string | undefined): number {
  if (/^(InternalError|UnknownError|OperationAborted)$/.test(code ?? "")) return 500;
  if (/^(SlowDown|ServiceUnavailable)/.test(code ?? "")) return 503;
  return /^NoSuch/.test(code ?? "") ? 404 : 400;
}
