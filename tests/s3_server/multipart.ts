// Uploads in parts.
import {
  algorithmOf,
  checkBody,
  checksumElements,
  checksumHeaders,
  etagOfParts,
  keptHeaders,
  versionHeader,
} from "./about.ts";
import { type Algorithm, ALGORITHMS, checksum, digest, fromBase64, hex } from "./checksums.ts";
import { checkedWrite, checkWrite } from "./conditions.ts";
import { type Context, isoTime, lagOf, showEtag, xmlAnswer } from "./context.ts";
import { resultEtag, slowly, sourceOf } from "./copy.ts";
import { empty, parameter, type S3Answer, text } from "./message.ts";
import { checkRoom, rangeOf } from "./objects.ts";
import { Problem, problems } from "./problem.ts";
import {
  type About,
  contentOf,
  freshId,
  type Part,
  putVersion,
  slice,
  type Stored,
  type Upload,
  type Version,
} from "./store.ts";
import { all, type Elements, type Read, readXml, textOf } from "./xml.ts";

const invalidPart = () =>
  new Problem(
    400,
    "InvalidPart",
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
  );

function uploadOf({ request, bucket, key }: Context): Upload {
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

export function abortUpload(context: Context): S3Answer {
  context.bucket.uploads.delete(uploadOf(context).id);
  return empty(204);
}

/** The parts that Complete names, in order, each as it was uploaded. */
function chosenParts(context: Context, upload: Upload, xml: Read | undefined): Part[] {
  const { switches: { parts: { minimum, equal } } } = context;
  const named = xml?.name === "CompleteMultipartUpload" ? all(xml, "Part") : [];
  if (named.length === 0) throw problems.malformedXml();
  const numbers = named.map((part) => Number(textOf(part, "PartNumber")));
  if (numbers.some((number, i) => i > 0 && number <= (numbers[i - 1] ?? 0))) {
    throw new Problem(
      400,
      "InvalidPartOrder",
      "The list of parts was not in ascending order. Parts must be ordered by part number.",
    );
  }
  const parts = named.map((one, i) => {
    const part = upload.parts.get(numbers[i] ?? 0);
    const etag = textOf(one, "ETag")?.replaceAll('"', "");
    if (!part || etag !== hex(part.md5)) throw invalidPart();
    const told = Object.entries(checksumElements(part.checksums));
    const wrong = told.some(([name, value]) => (textOf(one, name) ?? value) !== value);
    if (wrong) throw invalidPart();
    return part;
  });
  const sizes = parts.slice(0, -1).map(({ content }) => content.size);
  if (sizes.some((size) => size < minimum)) {
    throw new Problem(
      400,
      "EntityTooSmall",
      "Your proposed upload is smaller than the minimum allowed size",
      { MinSizeAllowed: String(minimum) },
    );
  }
  if (equal && sizes.some((size) => size !== sizes[0])) {
    throw new Problem(400, "InvalidPart", "All non-trailing parts must have the same length.");
  }
  return parts;
}

/** The checksum of the whole: of the bytes, or of the checksums of the parts. */
function wholeChecksums({ algorithm, about }: Upload, parts: readonly Part[]): About["checksums"] {
  if (!algorithm) return {};
  if (about.checksumType === "FULL_OBJECT") {
    return { [algorithm]: checksum(algorithm, parts.flatMap(({ content }) => content.chunks)) };
  }
  const each = parts.map(({ checksums }) => fromBase64(checksums[algorithm] ?? ""));
  return { [algorithm]: `${checksum(algorithm, each)}-${parts.length}` };
}

export async function completeUpload(context: Context): Promise<S3Answer> {
  const { request, store, bucket, key, switches, now } = context;
  const id = parameter(request, "uploadId") ?? "";
  const before = bucket.completed.get(id);
  if (before?.object && switches.complete.again === 200) {
    return result(context, { ...before, object: before.object });
  }
  const upload = uploadOf(context);
  const parts = chosenParts(context, upload, readXml(text(request.body)));
  const content = contentOf(parts.flatMap((part) => part.content.chunks));
  const told = request.headers["x-amz-mp-object-size"];
  if (told !== undefined && told !== String(content.size)) {
    throw problems.invalidRequest(
      "The provided 'x-amz-mp-object-size' header value does not match what was computed.",
    );
  }
  const checksums = wholeChecksums(upload, parts);
  for (const name of ALGORITHMS) {
    const claimed = request.headers[`x-amz-checksum-${name}`];
    if (claimed !== undefined && checksums[name] !== undefined && claimed !== checksums[name]) {
      throw problems.badDigest(name.toUpperCase());
    }
  }
  const object: Stored = {
    ...upload.about,
    checksums,
    content,
    etag: etagOfParts(context, parts.map(({ md5 }) => md5)),
    parts: parts.map((part) => part.content.size),
  };
  const { completeCreate, completeReplace } = switches.conditions;
  const version = await checkedWrite(
    context,
    () => checkWrite(context, completeCreate, completeReplace),
    () => {
      bucket.uploads.delete(id);
      return putVersion(store, bucket, key, object, now(), lagOf(context));
    },
  );
  bucket.completed.set(id, version);
  return result(context, { ...version, object });
}

function result(context: Context, version: Version & { readonly object: Stored }): S3Answer {
  const { bucket, key, switches, request } = context;
  const { etag, checksums, checksumType } = version.object;
  const sums = checksumElements(checksums);
  const content: Elements = {
    Location: `http://${request.headers["host"]}/${bucket.name}/${key}`,
    Bucket: bucket.name,
    Key: key,
    ETag: resultEtag(context, etag),
    ...sums,
    ...(Object.keys(sums).length > 0 ? { ChecksumType: checksumType } : {}),
  };
  const answer = xmlAnswer(
    context,
    "CompleteMultipartUploadResult",
    content,
    versionHeader(bucket.versioning, version.id),
  );
  return slowly(answer, switches.complete.blanks);
}
