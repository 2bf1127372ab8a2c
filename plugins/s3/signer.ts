// The one door to aws4fetch, of which only the signer is used: its own `fetch` signs again on every retry, and a delete
// with a deadline must be sent as it was signed or not at all.
import { AwsV4Signer } from "npm:aws4fetch@1.0.20";
import type { Flow } from "./transport.ts";

/** Who signs. */
export interface Credentials {
  /** Names the key. */
  readonly accessKeyId: string;
  /** Never shown, never sent. */
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string;
  /** When temporary credentials end. */
  readonly expiration?: Date;
}

/** A request before it is signed. */
export interface Unsigned {
  readonly method: string;
  /** With every segment encoded, a plus as `%2B`. */
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request as it goes out: it can be sent again byte for byte. */
export interface Signed {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | Flow;
}

/** For whom, where and when a request is signed. */
export interface Scope {
  readonly credentials: Credentials;
  readonly region: string;
  /** Milliseconds since 1970, by the server's clock. */
  readonly time: number;
  /** Keys derived from these credentials, kept from call to call. */
  readonly cache?: Map<string, ArrayBuffer>;
}

/** SHA-256 of nothing, in hex. */
export const EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Signs by header; `hash` is the SHA-256 of the body in hex, and a server refuses a body of another. */
export async function signHeaders(
  { method, url, headers = {} }: Unsigned,
  scope: Scope,
  hash: string = EMPTY_HASH,
): Promise<Signed> {
  const all = { ...headers, "x-amz-content-sha256": hash };
  const signed = await signerOf(method, url, scope, { headers: all }).sign();
  return { method, url: signed.url, headers: Object.fromEntries(signed.headers) };
}

/** Signs by query, for `seconds` from the scope's time on. Headers that go with it are not part of the signature. */
export async function presign(
  { method, url, headers = {} }: Unsigned,
  scope: Scope,
  seconds: number,
): Promise<Signed> {
  const expiring = new URL(url);
  expiring.searchParams.set("X-Amz-Expires", String(seconds));
  const signed = await signerOf(method, expiring, scope, { signQuery: true }).sign();
  return { method, url: signed.url, headers };
}

function signerOf(
  method: string,
  url: URL,
  { credentials, region, time, cache }: Scope,
  more: { headers?: Record<string, string>; signQuery?: boolean },
): AwsV4Signer {
  return new AwsV4Signer({
    ...more,
    method,
    url: url.href,
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: credentials.secretAccessKey,
    ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
    service: "s3",
    region,
    datetime: new Date(time).toISOString().replace(/[:-]|\.\d{3}/g, ""),
    ...(cache ? { cache } : {}),
  });
}
