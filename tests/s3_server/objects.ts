// GET, HEAD, PUT and DELETE of an object.
import { checksumHeaders, describe, objectOf, versionHeader } from "./about.ts";
import { checkDelete, checkedWrite, checkRead, checkWrite } from "./conditions.ts";
import { type Context, existing, lagOf, seenVersion, showEtag } from "./context.ts";
import { empty, parameter, type S3Answer } from "./message.ts";
import { Problem, problems } from "./problem.ts";
import { dropVersion, putVersion, slice, type Stored, type Version, versionsOf } from "./store.ts";

/** The version that a read asks for. */
function wanted(context: Context): Version & { readonly object: Stored } {
  const { request, bucket, key, switches } = context;
  const id = parameter(request, "versionId");
  if (id === undefined) {
    const version = seenVersion(context);
    if (version && !version.object) {
      throw new Problem(404, "NoSuchKey", "The specified key does not exist.", { Key: key }, {
        "x-amz-delete-marker": "true",
        ...versionHeader(bucket.versioning, version.id),
      });
    }
    if (!version && switches.auth.head403) throw problems.accessDenied();
    return existing(version, key);
  }
  const version = versionsOf(bucket, key).find((one) => one.id === id);
  if (!version) {
    throw new Problem(404, "NoSuchVersion", "The specified version does not exist.", {
      Key: key,
      VersionId: id,
    });
  }
  if (!version.object) {
    throw new Problem(
      405,
      "MethodNotAllowed",
      "The specified method is not allowed against this resource.",
      {},
      { "x-amz-delete-marker": "true", allow: "DELETE" },
    );
  }
  return existing(version, key);
}

/** The range asked for, `end` exclusive; undefined for all of it. Forms that are not understood count as none. */
export function rangeOf(header: string | undefined, size: number): [number, number] | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(Number(last) + 1, size);
  if (first !== "" && last !== "" && Number(last) < start) return undefined;
  if (start >= size || end <= start) {
    throw new Problem(
      416,
      "InvalidRange",
      "The requested range is not satisfiable",
      { RangeRequested: header ?? "", ActualObjectSize: String(size) },
      { "content-range": `bytes */${size}` },
    );
  }
  return [start, end];
}

export function getObject(context: Context): S3Answer {
  const { request, switches, key } = context;
  const version = wanted(context);
  checkRead(context, version.object, version.at);
  if (request.method === "GET" && switches.archived.some((prefix) => key.startsWith(prefix))) {
    throw new Problem(
      403,
      "InvalidObjectState",
      "The operation is not valid for the object's storage class",
      { StorageClass: "GLACIER" },
    );
  }
  const { content } = version.object;
  const range = switches.range === "honoured"
    ? partRange(context, version.object) ?? rangeOf(request.headers["range"], content.size)
    : undefined;
  const [start, end] = range ?? [0, content.size];
  return {
    status: range ? 206 : 200,
    headers: {
      ...describe(context, version, showEtag(context, version.object.etag)),
      "content-length": String(end - start),
      ...(range ? { "content-range": `bytes ${start}-${end - 1}/${content.size}` } : {}),
    },
    body: slice(content, start, end),
  };
}

/** No object has tags here; AWS's command line asks before it copies in parts. */
export function getTagging(context: Context): S3Answer {
  const version = wanted(context);
  checkRead(context, version.object, version.at);
  const xml = '<?xml version="1.0" encoding="UTF-8"?>\n<Tagging><TagSet></TagSet></Tagging>';
  return {
    status: 200,
    headers: { "content-type": "application/xml" },
    body: [new TextEncoder().encode(xml)],
  };
}

/** The range of `partNumber=`. */
function partRange({ request }: Context, { parts }: Stored): [number, number] | undefined {
  const number = Number(parameter(request, "partNumber"));
  if (!number || !parts) return undefined;
  const size = parts[number - 1];
  if (size === undefined) {
    throw new Problem(416, "InvalidPartNumber", "The requested partnumber is not satisfiable");
  }
  const start = parts.slice(0, number - 1).reduce((sum, one) => sum + one, 0);
  return [start, start + size];
}

/** Throws if there is no room for so many bytes more. */
export function checkRoom({ switches: { limits }, store }: Context, size: number): void {
  if (size > limits.body) {
    throw new Problem(
      400,
      "EntityTooLarge",
      "Your proposed upload exceeds the maximum allowed size",
      { ProposedSize: String(size), MaxSizeAllowed: String(limits.body) },
    );
  }
  if (store.bytes + size > limits.quota) {
    throw new Problem(403, "QuotaExceeded", "The quota of this bucket is exceeded");
  }
}

export async function putObject(context: Context): Promise<S3Answer> {
  const { store, bucket, key, switches: { conditions }, now, request } = context;
  checkRoom(context, request.body.length);
  const object = objectOf(context);
  const version = await checkedWrite(
    context,
    () => checkWrite(context, conditions.create, conditions.replace),
    () => putVersion(store, bucket, key, object, now(), lagOf(context)),
  );
  return empty(200, {
    etag: showEtag(context, object.etag),
    ...checksumHeaders(object.checksums, object.checksumType),
    ...versionHeader(bucket.versioning, version.id),
  });
}

export async function deleteObject(context: Context): Promise<S3Answer> {
  return await checkedWrite(
    context,
    () => checkDelete(context),
    () => empty(204, remove(context, parameter(context.request, "versionId"))),
  );
}

/** Removes a key, or one version of it; what there is to say of it, as headers. */
export function remove(context: Context, id: string | undefined, key = context.key) {
  const { store, bucket, now } = context;
  const lag = lagOf(context);
  if (id !== undefined) {
    const gone = dropVersion(store, bucket, key, id, now(), lag);
    return {
      "x-amz-version-id": id,
      ...(gone && !gone.object ? { "x-amz-delete-marker": "true" } : {}),
    };
  }
  if (bucket.versioning === "off") {
    dropVersion(store, bucket, key, "null", now(), lag);
    return {};
  }
  const marker = putVersion(store, bucket, key, undefined, now(), lag);
  return { "x-amz-delete-marker": "true", "x-amz-version-id": marker.id };
}
