// Asks an S3 server, signing by node:crypto: the other side of the server's own tests, with nothing of the product.
import { createHash, createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { encode, text } from "./message.ts";
import { readXml, textOf } from "./xml.ts";

/** Where and as whom to ask. */
export interface Place {
  readonly url: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  readonly token?: string;
  readonly ca?: string;
}

export interface Question {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** The payload hash; that of the body if not given. */
  readonly payload?: string;
  /** When it was signed, in milliseconds. */
  readonly time?: number;
  /** Signed by query, for so many seconds; its headers are not signed. */
  readonly expires?: number;
  /** Goes on without a signature. */
  readonly anonymous?: boolean;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  /** The body as text. */
  readonly text: string;
  /** The `Code` of an error. */
  readonly code: string | undefined;
  /** The ETag header, without quotes. */
  readonly etag: string;
}

export type Ask = (method: string, path: string, question?: Question) => Promise<Reply>;

const sha256 = (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Uint8Array, data: string): Uint8Array =>
  createHmac("sha256", key).update(data).digest();
const queryOf = (query: Readonly<Record<string, string>>) =>
  Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`).sort().join("&");

/** A request as it goes out: send it as often as you like. */
export interface Prepared {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Signs. `path` is not encoded yet: `/bucket/key`. */
export function prepare(place: Place, method: string, path: string, question: Question): Prepared {
  const { query = {}, time = Date.now(), expires, anonymous } = question;
  const body = typeof question.body === "string"
    ? new TextEncoder().encode(question.body)
    : question.body ?? new Uint8Array();
  const host = new URL(place.url).host;
  const encoded = path.split("/").map(encode).join("/");
  const headers: Record<string, string> = {
    ...question.headers,
    "content-length": String(body.length),
  };
  const date = new Date(time).toISOString().replace(/[-:]|\.\d+/g, "");
  const day = date.slice(0, 8);
  const scope = `${day}/${place.region}/s3/aws4_request`;
  const sign = (query: Record<string, string>, signed: Record<string, string>, payload: string) => {
    const names = Object.keys(signed).sort();
    const form = [
      method,
      encoded,
      queryOf(query),
      ...names.map((name) => `${name}:${signed[name]}`),
      "",
      names.join(";"),
      payload,
    ].join("\n");
    const key = [day, place.region, "s3", "aws4_request"]
      .reduce<string | Uint8Array>(hmac, `AWS4${place.secretKey}`);
    const toSign = ["AWS4-HMAC-SHA256", date, scope, sha256(form)].join("\n");
    return [...hmac(key, toSign)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  const target = (query: Record<string, string>) => {
    const search = queryOf(query);
    return search === "" ? encoded : `${encoded}?${search}`;
  };
  if (anonymous) return { method, target: target(query), headers, body };
  if (expires !== undefined) {
    const all = {
      ...query,
      "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
      "X-Amz-Credential": `${place.accessKey}/${scope}`,
      "X-Amz-Date": date,
      "X-Amz-Expires": String(expires),
      "X-Amz-SignedHeaders": "host",
      ...(place.token === undefined ? {} : { "X-Amz-Security-Token": place.token }),
    };
    const signature = sign(all, { host }, "UNSIGNED-PAYLOAD");
    return { method, target: target({ ...all, "X-Amz-Signature": signature }), headers, body };
  }
  const payload = question.payload ?? sha256(body);
  const signed: Record<string, string> = {
    host,
    "x-amz-content-sha256": payload,
    "x-amz-date": date,
    ...(place.token === undefined ? {} : { "x-amz-security-token": place.token }),
    ...Object.fromEntries(
      Object.entries(headers).filter(([name]) =>
        name.startsWith("x-amz-") || name === "content-md5"
      ),
    ),
  };
  const credential = `${place.accessKey}/${scope}`;
  const names = Object.keys(signed).sort().join(";");
  const { host: _, ...extra } = signed;
  return {
    method,
    target: target(query),
    headers: {
      ...headers,
      ...extra,
      authorization:
        `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${
          sign(query, signed, payload)
        }`,
    },
    body,
  };
}

/** Sends by a fresh connection. */
export function sendTo(place: Place, { method, target, headers, body }: Prepared): Promise<Reply> {
  const { protocol, hostname, port, host } = new URL(place.url);
  const make = protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = make({
      hostname,
      port,
      method,
      path: target,
      headers: { host, ...headers },
      agent: false,
      ...(place.ca === undefined ? {} : { ca: place.ca }),
    }, (response) => {
      const chunks: Uint8Array[] = [];
      response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      response.on("error", reject);
      response.on("aborted", () => reject(new Error("The answer was cut")));
      response.on("end", () => {
        const told = response.headers["content-length"];
        const size = chunks.reduce((sum, { length }) => sum + length, 0);
        if (method !== "HEAD" && told !== undefined && Number(told) !== size) {
          return reject(new Error(`The answer has ${size} bytes instead of ${told}`));
        }
        resolve(replyOf(response.statusCode ?? 0, response.headers, chunks));
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

function replyOf(
  status: number,
  headers: NodeJS.Dict<string | string[]>,
  chunks: readonly Uint8Array[],
): Reply {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  const plain = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ""].flat().join(",")]),
  );
  const xml = status >= 300 || chunks.length > 0 && bytes[0] === 60
    ? readXml(text(bytes))
    : undefined;
  return {
    status,
    headers: plain,
    bytes,
    text: text(bytes),
    code: xml?.name === "Error" ? textOf(xml, "Code") : undefined,
    etag: (plain["etag"] ?? "").replaceAll('"', ""),
  };
}

/** Asks, each time by a fresh connection. */
export const askerOf = (place: Place): Ask => (method, path, question = {}) =>
  sendTo(place, prepare(place, method, path, question));
