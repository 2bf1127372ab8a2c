// CopyObject, and how a copy names its source.
import { algorithmOf, checksumElements, etagOf, keptHeaders, versionHeader } from "./about.ts";
import { checksum } from "./checksums.ts";
import { checkedWrite, checkRead, checkWrite } from "./conditions.ts";
import {
  type Context,
  existing,
  heeds,
  isoTime,
  lagOf,
  seenVersion,
  showEtag,
  xmlAnswer,
} from "./context.ts";
import { decode, type S3Answer } from "./message.ts";
import { problems } from "./problem.ts";
import { checkRoom } from "./objects.ts";
import { contentOf, putVersion, type Stored, type Version, versionsOf } from "./store.ts";

/** The version that `x-amz-copy-source` names, with its conditions checked. */
export function sourceOf(
  context: Context,
): Version & { readonly object: Stored; readonly self: boolean } {
  const { request: { headers }, switches, store, bucketName, key } = context;
  if (typeof switches.copy !== "object") heeds(switches.copy, "x-amz-copy-source");
  const [path = "", id] = (headers["x-amz-copy-source"] ?? "").split("?versionId=");
  const [, from = "", source = ""] = /^\/?([^/]+)\/(.+)$/s.exec(decode(path)) ?? [];
  if (source === "") {
    throw problems.invalidArgument(
      "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
      "x-amz-copy-source",
    );
  }
  const bucket = store.buckets.get(from);
  if (!bucket) throw problems.noSuchBucket(from);
  const version = existing(
    id === undefined
      ? seenVersion(context, source, bucket)
      : versionsOf(bucket, source).find((one) => one.id === id),
    source,
  );
  const conditional = Object.keys(headers).find((name) => name.startsWith("x-amz-copy-source-if-"));
  if (conditional !== undefined && heeds(switches.conditions.copySource, conditional)) {
    checkRead(context, version.object, version.at, "x-amz-copy-source-");
  }
  return { ...version, self: from === bucketName && source === key && id === undefined };
}

/** The ETag of a result, or what some services show instead. */
export function resultEtag(context: Context, etag: string): string | undefined {
  const how = context.operation === "CompleteMultipartUpload"
    ? context.switches.complete
    : context.switches.copy;
  if (typeof how !== "object" || how.etag === "shown") return showEtag(context, etag);
  return how.etag === "empty" ? "" : undefined;
}

/** An answer that comes in two pieces, so that blanks may be sent between. */
export function slowly(answer: S3Answer, blanks: number): S3Answer {
  const [body = new Uint8Array()] = answer.body;
  const declared = body.indexOf(10) + 1;
  return blanks === 0
    ? answer
    : { ...answer, body: [body.subarray(0, declared), body.subarray(declared)], blanks };
}

export async function copyObject(context: Context): Promise<S3Answer> {
  const { request, store, bucket, key, switches, now } = context;
  const source = sourceOf(context);
  const replace = request.headers["x-amz-metadata-directive"]?.toUpperCase() === "REPLACE";
  if (source.self && !replace && !request.headers["x-amz-storage-class"]) {
    throw problems.invalidRequest(
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  checkRoom(context, source.object.content.size);
  const content = contentOf(source.object.content.chunks);
  const algorithm = algorithmOf(request);
  const object: Stored = {
    content,
    etag: etagOf(context, content),
    headers: replace ? keptHeaders(context) : source.object.headers,
    checksums: switches.checksum !== "honoured"
      ? {}
      : algorithm
      ? { [algorithm]: checksum(algorithm, content.chunks) }
      : source.object.checksumType === "COMPOSITE"
      ? {}
      : source.object.checksums,
    checksumType: "FULL_OBJECT",
  };
  const care = switches.conditions.copyTarget;
  const version = await checkedWrite(
    context,
    () => checkWrite(context, care, care),
    () => putVersion(store, bucket, key, object, now(), lagOf(context)),
  );
  const answer = xmlAnswer(context, "CopyObjectResult", {
    LastModified: isoTime(version.at),
    ETag: resultEtag(context, object.etag),
    ...checksumElements(object.checksums),
  }, versionHeader(bucket.versioning, version.id));
  return slowly(answer, typeof switches.copy === "object" ? switches.copy.blanks : 0);
}
