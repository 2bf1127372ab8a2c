// What there is of unfinished uploads: ListParts, ListMultipartUploads.
import { checksumElements } from "./about.ts";
import { hex } from "./checksums.ts";
import { type Context, isoTime, showEtag, xmlAnswer } from "./context.ts";
import { parameter, type S3Answer } from "./message.ts";
import { uploadOf } from "./multipart.ts";
import { problems } from "./problem.ts";
import type { Upload } from "./store.ts";

export function listParts(context: Context): S3Answer {
  const { request, bucket, key, switches } = context;
  if (switches.uploads === 501) throw problems.notImplemented("uploadId");
  const { id, parts, algorithm, about } = uploadOf(context);
  const most = Math.min(Number(parameter(request, "max-parts") ?? 1000), switches.uploads);
  const marker = Number(parameter(request, "part-number-marker") ?? 0);
  const rest = [...parts].filter(([number]) => number > marker).sort(([a], [b]) => a - b);
  const shown = rest.slice(0, most);
  return xmlAnswer(context, "ListPartsResult", {
    Bucket: bucket.name,
    Key: key,
    UploadId: id,
    ...(algorithm
      ? { ChecksumAlgorithm: algorithm.toUpperCase(), ChecksumType: about.checksumType }
      : {}),
    PartNumberMarker: marker,
    NextPartNumberMarker: shown.at(-1)?.[0] ?? 0,
    MaxParts: most,
    IsTruncated: shown.length < rest.length,
    Part: shown.map(([PartNumber, part]) => ({
      PartNumber,
      LastModified: isoTime(part.at),
      ETag: showEtag(context, hex(part.md5)),
      ...checksumElements(part.checksums),
      Size: part.content.size,
    })),
    StorageClass: "STANDARD",
  });
}

export function listUploads(context: Context): S3Answer {
  const { request, bucket, switches } = context;
  if (switches.uploads === 501) throw problems.notImplemented("uploads");
  const prefix = parameter(request, "prefix") ?? "";
  const most = Math.min(Number(parameter(request, "max-uploads") ?? 1000), switches.uploads);
  const keyMarker = parameter(request, "key-marker") ?? "";
  const idMarker = parameter(request, "upload-id-marker") ?? "";
  const order = (a: Upload, b: Upload) =>
    a.key !== b.key ? (a.key < b.key ? -1 : 1) : a.at - b.at || (a.id < b.id ? -1 : 1);
  const sorted = [...bucket.uploads.values()].filter(({ key }) => key.startsWith(prefix))
    .sort(order);
  const mark = sorted.findIndex(({ key, id }) => key === keyMarker && id === idMarker);
  const rest = mark >= 0 ? sorted.slice(mark + 1) : sorted.filter(({ key }) => key > keyMarker);
  const shown = rest.slice(0, most);
  const truncated = shown.length < rest.length;
  return xmlAnswer(context, "ListMultipartUploadsResult", {
    Bucket: bucket.name,
    KeyMarker: keyMarker,
    UploadIdMarker: idMarker,
    NextKeyMarker: truncated ? shown.at(-1)?.key : undefined,
    NextUploadIdMarker: truncated ? shown.at(-1)?.id : undefined,
    Prefix: prefix,
    MaxUploads: most,
    IsTruncated: truncated,
    Upload: shown.map(({ key, id, at }) => ({
      Key: key,
      UploadId: id,
      StorageClass: "STANDARD",
      Initiated: isoTime(at),
    })),
  });
}
