// CompleteMultipartUpload: parts become an object.
import { checksumElements, etagOfParts, versionHeader } from "./about.ts";
import { ALGORITHMS, checksum, fromBase64, hex } from "./checksums.ts";
import { checkedWrite, checkWrite } from "./conditions.ts";
import { type Context, lagOf, xmlAnswer } from "./context.ts";
import { resultEtag, slowly } from "./copy.ts";
import { parameter, type S3Answer, text } from "./message.ts";
import { uploadOf } from "./multipart.ts";
import { Problem, problems } from "./problem.ts";
import {
  type About,
  contentOf,
  type Part,
  putVersion,
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
