// Uploads in parts: begun, filled, given up.
import { algorithmOf, checkBody, checksumElements, checksumHeaders, keptHeaders } from "./about.ts";
import { type Algorithm, checksum, digest, hex } from "./checksums.ts";
import { type Context, isoTime, showEtag, xmlAnswer } from "./context.ts";
import { resultEtag, sourceOf } from "./copy.ts";
import { empty, parameter, type S3Answer } from "./message.ts";
import { checkRoom, rangeOf } from "./objects.ts";
import { problems } from "./problem.ts";
import { type About, contentOf, freshId, type Part, slice, type Upload } from "./store.ts";

/** The upload that a request means. */
export function uploadOf({ request, bucket, key }: Context): Upload {
  const id = parameter(request, "uploadId") ?? "";
  const upload = bucket.uploads.get(id);
  if (upload?.key !== key) throw problems.noSuchUpload(id);
  return upload;
}
function typeOf({ request }: Context, algorithm: Algorithm | undefined): About["checksumType"] {
  if (algorithm === "crc64nvme") return "FULL_OBJECT";
  return request.headers["x-amz-checksum-type"]?.toUpperCase() === "FULL_OBJECT"
    ? "FULL_OBJECT"
    : "COMPOSITE";
}

export function createUpload(context: Context): S3Answer {
  const { request, bucket, key, now, switches } = context;
  const algorithm = switches.checksum === "honoured" ? algorithmOf(request) : undefined;
  const checksumType = typeOf(context, algorithm) ?? "COMPOSITE";
  const upload: Upload = {
    id: freshId(),
    key,
    at: now(),
    about: { headers: keptHeaders(context), checksums: {}, checksumType },
    algorithm,
    parts: new Map(),
  };
  bucket.uploads.set(upload.id, upload);
  const headers: Record<string, string> = algorithm
    ? {
      "x-amz-checksum-algorithm": algorithm.toUpperCase(),
      "x-amz-checksum-type": checksumType,
    }
    : {};
  return xmlAnswer(context, "InitiateMultipartUploadResult", {
    Bucket: bucket.name,
    Key: key,
    UploadId: upload.id,
  }, headers);
}

function partNumber({ request, switches }: Context): number {
  const number = Number(parameter(request, "partNumber"));
  if (Number.isInteger(number) && number >= 1 && number <= switches.parts.maximum) return number;
  throw problems.invalidArgument(
    `Part number must be an integer between 1 and ${switches.parts.maximum}, inclusive`,
    "partNumber",
  );
}

function keepPart(context: Context, chunks: readonly Uint8Array[], checksums: Part["checksums"]) {
  const upload = uploadOf(context);
  const number = partNumber(context);
  const content = contentOf(chunks);
  checkRoom(context, content.size);
  const part = { content, md5: digest("md5", chunks), checksums, at: context.now() };
  upload.parts.set(number, part);
  return part;
}

export function uploadPart(context: Context): S3Answer {
  uploadOf(context);
  const { md5, checksums } = keepPart(context, [context.request.body], checkBody(context));
  return empty(200, { etag: showEtag(context, hex(md5)), ...checksumHeaders(checksums) });
}

export function uploadPartCopy(context: Context): S3Answer {
  const { request } = context;
  const { algorithm } = uploadOf(context);
  const { object: { content } } = sourceOf(context);
  const header = request.headers["x-amz-copy-source-range"];
  const [start, end] = rangeOf(header, content.size) ?? [0, content.size];
  if (header !== undefined && header !== `bytes=${start}-${end - 1}`) {
    throw problems.invalidArgument(
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
      "x-amz-copy-source-range",
    );
  }
  const chunks = slice(content, start, end);
  const checksums = algorithm ? { [algorithm]: checksum(algorithm, chunks) } : {};
  const part = keepPart(context, chunks, checksums);
  return xmlAnswer(context, "CopyPartResult", {
    LastModified: isoTime(part.at),
    ETag: resultEtag(context, hex(part.md5)),
    ...checksumElements(checksums),
  });
}
export function abortUpload(context: Context): S3Answer {
  context.bucket.uploads.delete(uploadOf(context).id);
  return empty(204);
}
