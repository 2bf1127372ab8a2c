import { Buffer } from "node:buffer";
import type { Call, Client } from "./client.ts";
import { base64, md5, sha256 } from "./hash.ts";
import { presign } from "./signer.ts";
import { escapeXml } from "./xml.ts";

/** How long a delete may take effect, by the server's clock in milliseconds. */
export interface Term {
  readonly from: number;
  readonly seconds: number;
}

/**
 * One request that deletes up to a thousand keys. With a term it is signed once, by query, and refused by the server
 * once the term is over, however often and late it arrives. Servers ask for one sum or the other; what is signed by
 * query may bear no header of Amazon's own.
 */
export async function deleteRequest(
  client: Client,
  keys: readonly string[],
  term?: Term,
): Promise<Call> {
  const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join("");
  const body = Buffer.from(
    `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${objects}</Delete>`,
  );
  const hash = sha256(body);
  const plain = { "content-type": "application/xml", "content-md5": md5(body) };
  const headers = { ...plain, "x-amz-checksum-sha256": base64(hash) };
  const call = {
    operation: "DeleteObjects",
    action: `delete ${keys.length} objects`,
    method: "POST",
    query: { delete: "" },
    headers,
    body,
    hash,
  } as const;
  const scope = term && await client.scope();
  if (!scope) return call;
  const url = client.urlOf(undefined, { delete: "" });
  const timed = { ...scope, time: term.from };
  const signed = await presign({ method: "POST", url, headers: plain }, timed, term.seconds);
  return { ...call, fresh: true, signed: { ...signed, body } };
}
