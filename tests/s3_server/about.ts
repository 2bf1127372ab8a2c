// What is kept with an object besides its bytes: headers, metadata, checksums; how it comes in and goes out.
import {
  type Algorithm,
  ALGORITHMS,
  base64,
  checksum,
  digest,
  fromBase64,
  hex,
} from "./checksums.ts";
import { type Context, heeds } from "./context.ts";
import type { S3Request } from "./message.ts";
import { Problem, problems } from "./problem.ts";
import { type About, type Content, contentOf, type Stored, type Version } from "./store.ts";

const KEPT = [
  "content-type",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "expires",
  "x-amz-storage-class",
  "x-amz-website-redirect-location",
];

/** The headers of a request that stay with the object. */
export function keptHeaders({ request: { headers }, switches }: Context): About["headers"] {
  const meta = Object.entries(headers).filter(([name]) => name.startsWith("x-amz-meta-"));
  const size = meta.reduce((sum, [name, value]) => sum + name.length - 11 + value.length, 0);
  if (size > switches.limits.metadata) {
    throw new Problem(
      400,
      "MetadataTooLarge",
      "Your metadata headers exceed the maximum allowed metadata size",
      { Size: String(size), MaxSizeAllowed: String(switches.limits.metadata) },
    );
  }
  const kept = KEPT.flatMap((name) => {
    let value = headers[name];
    if (name === "content-encoding" && value !== undefined && switches.chunked !== "stored") {
      value = value.split(",").filter((one) => one.trim() !== "aws-chunked").join(",");
    }
    return value ? [[name, value] as const] : [];
  });
  return { "content-type": "binary/octet-stream", ...Object.fromEntries([...kept, ...meta]) };
}

/** Which checksum a request asks for or brings. */
export function algorithmOf({ headers }: S3Request): Algorithm | undefined {
  const named = (headers["x-amz-sdk-checksum-algorithm"] ?? headers["x-amz-checksum-algorithm"] ??
    headers["x-amz-trailer"]?.replace("x-amz-checksum-", ""))?.toLowerCase();
  return ALGORITHMS.find((algorithm) =>
    algorithm === named || headers[`x-amz-checksum-${algorithm}`] !== undefined
  );
}

/** Throws unless `Content-MD5` and checksums fit the body; the checksums to keep come back. */
export function checkBody(context: Context): About["checksums"] {
  const { request, switches } = context;
  const { headers, body } = request;
  const md5 = headers["content-md5"];
  if (md5 !== undefined) {
    if (fromBase64(md5).length !== 16) {
      throw new Problem(400, "InvalidDigest", "The Content-MD5 you specified is not valid.");
    }
    if (md5 !== base64(digest("md5", [body]))) throw problems.badDigest("Content-MD5");
  }
  const algorithm = algorithmOf(request);
  if (!algorithm || !heeds(switches.checksum, `x-amz-checksum-${algorithm}`)) return {};
  const told = headers[`x-amz-checksum-${algorithm}`];
  const found = checksum(algorithm, [body]);
  if (told !== undefined && told !== found) {
    throw fromBase64(told).length === fromBase64(found).length
      ? problems.badDigest(algorithm.toUpperCase())
      : problems.invalidRequest(`Value for x-amz-checksum-${algorithm} header is invalid.`);
  }
  return { [algorithm]: found };
}

/** The ETag of content: its MD5, or something else that follows from it. */
export function etagOf({ switches }: Context, { chunks }: Content): string {
  const md5 = hex(digest("md5", chunks));
  return switches.etag.value === "md5" ? md5 : opaque(md5);
}

const opaque = (text: string): string =>
  hex(digest("sha1", [new TextEncoder().encode(`opaque ${text}`)])).slice(0, 32);

/** The ETag of an object made of parts, from their MD5s. */
export function etagOfParts({ switches }: Context, md5s: readonly Uint8Array[]): string {
  const md5 = hex(digest("md5", md5s));
  return `${switches.etag.value === "md5" ? md5 : opaque(md5)}-${md5s.length}`;
}

/** The object that a body makes. */
export function objectOf(context: Context): Stored {
  const content = contentOf([context.request.body]);
  return {
    content,
    etag: etagOf(context, content),
    headers: keptHeaders(context),
    checksums: checkBody(context),
    checksumType: "FULL_OBJECT",
  };
}

/** What HEAD and GET say of an object. */
export function describe(
  { request, switches, bucket }: Context,
  { id, at, object: { headers, checksums, checksumType, parts } }: Version & {
    readonly object: Stored;
  },
  etag: string,
): Record<string, string> {
  const { "content-encoding": encoding, ...others } = headers;
  const shown = request.headers["x-amz-checksum-mode"]?.toUpperCase() === "ENABLED" &&
    switches.checksum === "honoured" && request.headers["range"] === undefined;
  return {
    ...others,
    ...(encoding !== undefined && switches.storedEncoding === "echoed"
      ? { "content-encoding": encoding }
      : {}),
    ...(shown ? checksumHeaders(checksums, checksumType) : {}),
    ...versionHeader(bucket.versioning, id),
    ...(parts ? { "x-amz-mp-parts-count": String(parts.length) } : {}),
    "accept-ranges": "bytes",
    etag,
    "last-modified": new Date(at).toUTCString(),
  };
}

/** Checksums as headers. */
export function checksumHeaders(
  checksums: About["checksums"],
  type?: About["checksumType"],
): Record<string, string> {
  const found = Object.entries(checksums).map(([name, value]) => [`x-amz-checksum-${name}`, value]);
  if (found.length > 0 && type) found.push(["x-amz-checksum-type", type]);
  return Object.fromEntries(found);
}

const XML_NAMES: Record<Algorithm, string> = {
  crc32: "ChecksumCRC32",
  crc32c: "ChecksumCRC32C",
  crc64nvme: "ChecksumCRC64NVME",
  sha1: "ChecksumSHA1",
  sha256: "ChecksumSHA256",
};

/** Checksums as elements. */
export const checksumElements = (checksums: About["checksums"]): Record<string, string> =>
  Object.fromEntries(ALGORITHMS.flatMap((name) => {
    const value = checksums[name];
    return value === undefined ? [] : [[XML_NAMES[name], value]];
  }));

/** The header that names a version, where there are any. */
export const versionHeader = (versioning: string, id: string): Record<string, string> =>
  versioning === "off" ? {} : { "x-amz-version-id": id };
