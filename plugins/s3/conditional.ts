// Compare-and-swap of one object: the sole caller of a conditional PUT. Whatever is not plainly a success or a refusal
// is settled by reading back, because a lost race may be a 409, 412 or 500, and an answer may get lost.
import { Buffer } from "node:buffer";
import { OciError } from "../../core/mod.ts";
import type { Client } from "./client.ts";
import { connectionFailure, isFatal } from "./lost.ts";
import { bareEtag, patienceOf } from "./objects.ts";
import { pauseOf } from "./pace.ts";
import { failureOf, placed, remedyOf, type Trouble } from "./trouble.ts";
import { sha256 } from "./hash.ts";

/** An object as it was read. */
export interface Stored {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

/** How a server wants `If-Match`: most take it quoted, old gateways only bare. */
export interface EtagForm {
  quoted: boolean;
}

/** What is to be written, and over what. */
export interface Swap {
  readonly key: string;
  readonly action: string;
  readonly body: Uint8Array;
  /** The ETag that is to be replaced; undefined: there must be none. */
  readonly seen: string | undefined;
}

/** What a swap came to: the new ETag, or what stands there instead. */
export type Swapped =
  | { readonly etag: string }
  | { readonly etag?: undefined; readonly moved: Stored | undefined };

const TRIES = 6;
const RESOLVE = 60_000;

/**
 * Writes if the object is still as it was seen.
 *
 * @throws {OciError} `unavailable` with the reason `unknown` if nobody can tell whether it was written; others if it
 * was refused.
 */
export async function conditionalPut(
  client: Client,
  { key, action, body, seen }: Swap,
  form: EtagForm,
): Promise<Swapped> {
  const { clock } = client;
  const hash = sha256(body);
  let turned = false;
  let last: unknown;
  for (let tries = 1; tries <= TRIES; tries++) {
    const etag = form.quoted ? `"${seen}"` : `${seen}`;
    let trouble: Trouble | undefined;
    try {
      const tried = await client.attempt({
        operation: "PutObject",
        action,
        method: "PUT",
        key,
        body,
        hash,
        headers: seen === undefined ? { "if-none-match": "*" } : { "if-match": etag },
        fresh: true,
        patience: patienceOf(body.length),
      });
      const written = bareEtag(tried.reply?.headers["etag"]);
      if (written !== "") return { etag: written };
      trouble = tried.trouble;
    } catch (error) {
      if (isFatal(error)) throw connectionFailure(error, action, client.where);
      last = error;
    }
    if (trouble && isRefusal(trouble)) throw failureOf(trouble, action, client.where);
    last = trouble ? failureOf(trouble, action, client.where) : last;
    const now = await readBack(client, key, action, last);
    if (now && Buffer.compare(now.bytes, body) === 0) return { etag: now.etag };
    if (now?.etag !== seen) return { moved: now };
    // Not applied. The same bytes may be sent again: whichever lands first makes the other fail.
    if (trouble?.status === 412 && seen !== undefined && !turned) {
      turned = true;
      form.quoted = !form.quoted;
      continue;
    }
    if (tries < TRIES) await clock.sleep(Math.max(pauseOf(clock, tries), trouble?.after ?? 0));
  }
  throw unknown(client, action, last);
}

/** Answers that promise that nothing was written. */
function isRefusal(trouble: Trouble): boolean {
  const { status } = trouble;
  if ([301, 307, 308, 400, 401, 403, 411, 413, 501].includes(status)) {
    return remedyOf(trouble) !== "again" && remedyOf(trouble) !== "slower";
  }
  return status === 507 || trouble.code === "NoSuchBucket";
}

/** The object as it is now, undefined if there is none; asked until there is an answer, for a minute. */
async function readBack(
  client: Client,
  key: string,
  action: string,
  cause: unknown,
): Promise<Stored | undefined> {
  const { clock } = client;
  const until = clock.elapsed() + RESOLVE;
  for (let tries = 1;; tries++) {
    try {
      return await getStored(client, key, action);
    } catch (error) {
      if (clock.elapsed() >= until) throw unknown(client, action, cause ?? error);
      await clock.sleep(pauseOf(clock, tries));
    }
  }
}

/** An object whole; undefined if there is none. */
export async function getStored(
  client: Client,
  key: string,
  action: string,
): Promise<Stored | undefined> {
  const { status, headers, bytes } = await client.send({
    operation: "GetObject",
    action,
    method: "GET",
    key,
    accept: [404],
    limit: 128 << 20,
    patience: 10_000,
  });
  return status === 404 ? undefined : { bytes, etag: bareEtag(headers["etag"]) };
}

function unknown({ where }: Client, action: string, cause: unknown): OciError {
  const message = `Cannot ${action} ${placed(where)}: it may or may not have been applied`;
  return new OciError("unavailable", message, { reason: "unknown", url: where.url, cause });
}
