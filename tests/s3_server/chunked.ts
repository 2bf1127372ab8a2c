// Bodies in `aws-chunked` encoding: SDKs send them, signed chunk by chunk or with a checksum at the end.
import { createHash, createHmac } from "node:crypto";
import type { S3Request } from "./message.ts";
import { Problem, problems } from "./problem.ts";
import type { Signed } from "./signature.ts";

const sha256 = (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex");

/** Whether a body is in chunks. */
export const isChunked = ({ headers }: S3Request): boolean =>
  headers["x-amz-content-sha256"]?.startsWith("STREAMING-") === true;

/** The request as it is without the encoding: trailing headers among the others. */
export function unchunk(request: S3Request, signed: Signed | undefined): S3Request {
  const { body, headers } = request;
  const chunks: Uint8Array[] = [];
  const trailers: Record<string, string> = {};
  const chained = headers["x-amz-content-sha256"]?.includes("AWS4-HMAC") === true;
  let [at, previous] = [0, signed?.seed.signature ?? ""];
  const line = () => {
    const end = body.indexOf(13, at);
    if (end < 0 || body[end + 1] !== 10) throw incomplete();
    const text = new TextDecoder().decode(body.subarray(at, end));
    at = end + 2;
    return text;
  };
  for (;;) {
    const [size = "", signature] = line().split(";chunk-signature=");
    const length = parseInt(size, 16);
    if (!(length >= 0) || at + length > body.length) throw incomplete();
    const chunk = body.subarray(at, at + length);
    if (chained && signed) {
      const { key, scope, date } = signed.seed;
      const toSign = ["AWS4-HMAC-SHA256-PAYLOAD", date, scope, previous, sha256(""), sha256(chunk)];
      previous = createHmac("sha256", key).update(toSign.join("\n")).digest("hex");
      if (previous !== signature) {
        throw new Problem(403, "SignatureDoesNotMatch", "The signature of a chunk does not match.");
      }
    }
    at += length;
    if (length === 0) break;
    chunks.push(chunk);
    if (line() !== "") throw incomplete();
  }
  while (at < body.length) {
    const [name = "", ...value] = line().split(":");
    if (name !== "") trailers[name.toLowerCase()] = value.join(":").trim();
  }
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let filled = 0;
  for (const chunk of chunks) {
    whole.set(chunk, filled);
    filled += chunk.length;
  }
  const told = headers["x-amz-decoded-content-length"];
  if (told === undefined) {
    throw new Problem(
      411,
      "MissingContentLength",
      "You must provide the Content-Length HTTP header.",
    );
  }
  if (Number(told) !== whole.length) throw incomplete();
  return { ...request, headers: { ...headers, ...trailers }, body: whole };
}

const incomplete = () =>
  new Problem(
    400,
    "IncompleteBody",
    "The request body terminated unexpectedly",
  );

/** What is said to a chunked body where chunks are not taken. */
export const refuseChunks = (status: 400 | 501): Problem =>
  status === 501
    ? problems.notImplemented("Transfer-Encoding")
    : problems.invalidRequest("STREAMING-UNSIGNED-PAYLOAD-TRAILER is not supported");
