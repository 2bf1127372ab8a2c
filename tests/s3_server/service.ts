// The service: a request in, an answer out, no socket. Who asks is found out first, then what.
import { completeUpload } from "./complete.ts";
import { abortUpload, createUpload, uploadPart, uploadPartCopy } from "./multipart.ts";
import { listParts, listUploads } from "./multipart_lists.ts";
import * as buckets from "./buckets.ts";
import { isChunked, refuseChunks, unchunk } from "./chunked.ts";
import type { Context } from "./context.ts";
import { copyObject } from "./copy.ts";
import { deleteObjects } from "./delete_objects.ts";
import { listObjects } from "./list.ts";
import { listVersions } from "./list_versions.ts";
import { type S3Answer, type S3Request, utf8 } from "./message.ts";
import { deleteObject, getObject, getTagging, putObject } from "./objects.ts";
import { Problem, problems } from "./problem.ts";
import { seeded } from "./seeded.ts";
import { type Signed, verify } from "./signature.ts";
import { createBucket, createStore, freshId, type Store } from "./store.ts";
import type { Operation, Switches } from "./switches.ts";
import { type Target, targetOf } from "./route.ts";
import { writeXml } from "./xml.ts";

const HANDLERS: Record<Operation, (context: Context) => S3Answer | Promise<S3Answer>> = {
  ListBuckets: buckets.listBuckets,
  CreateBucket: buckets.putBucket,
  HeadBucket: buckets.headBucket,
  DeleteBucket: buckets.deleteBucket,
  GetBucketLocation: buckets.getLocation,
  GetBucketVersioning: buckets.getVersioning,
  PutBucketVersioning: buckets.putVersioning,
  ListObjects: listObjects,
  ListObjectVersions: listVersions,
  ListMultipartUploads: listUploads,
  DeleteObjects: deleteObjects,
  GetObject: getObject,
  GetObjectTagging: getTagging,
  HeadObject: getObject,
  PutObject: putObject,
  CopyObject: copyObject,
  DeleteObject: deleteObject,
  CreateMultipartUpload: createUpload,
  UploadPart: uploadPart,
  UploadPartCopy: uploadPartCopy,
  ListParts: listParts,
  CompleteMultipartUpload: completeUpload,
  AbortMultipartUpload: abortUpload,
  Unknown: () => {
    throw new Problem(
      501,
      "NotImplemented",
      "A header or query you provided implies functionality that is not implemented",
    );
  },
};

const WRITES: readonly Operation[] = ["PutObject", "CopyObject", "CompleteMultipartUpload"];
const READS: readonly Operation[] = ["GetObject", "HeadObject", "ListObjects", "HeadBucket"];

export interface Service {
  /** How it behaves; may be replaced at any time. */
  switches: Switches;
  readonly store: Store;
  /** The server's time. */
  now(): number;
  /** What a request means; undefined if it cannot be told. */
  identify(request: S3Request): Target | undefined;
  handle(request: S3Request): Promise<S3Answer>;
}

export interface ServiceOptions {
  readonly switches: Switches;
  /** Buckets that are there from the start. */
  readonly buckets: readonly string[];
  readonly now: () => number;
  readonly seed: number;
}

/** A service with a store of its own, in memory. */
export function createService({ switches, buckets, now, seed }: ServiceOptions): Service {
  const store = createStore();
  const chance = seeded(seed);
  const written = new Map<string, number>();
  for (const name of buckets) createBucket(store, name, now(), switches.versioning);
  const service: Service = {
    switches,
    store,
    now: () => now() + service.switches.clock.offset,
    identify(request) {
      try {
        return targetOf(request, service.switches);
      } catch {
        return undefined;
      }
    },
    async handle(request) {
      const requestId = freshId().slice(0, 16).toUpperCase();
      const common = {
        "x-amz-request-id": requestId,
        "x-amz-id-2": `${requestId}=`,
        server: service.switches.name,
      };
      const answer = await run(request).catch((error: unknown) => {
        if (error instanceof Problem) {
          return problemAnswer(error, request, service.switches, requestId);
        }
        console.error(error);
        const broken = new Problem(
          500,
          "InternalError",
          "We encountered an internal error. Please try again.",
        );
        return problemAnswer(broken, request, service.switches, requestId);
      });
      return { ...answer, headers: { ...common, ...answer.headers } };
    },
  };
  async function run(sent: S3Request): Promise<S3Answer> {
    const { switches } = service;
    const target = targetOf(sent, switches);
    const signed = verify(sent, switches, service.now());
    checkRights(signed, target, switches);
    const request = bodyOf(sent, signed, switches);
    const { bucketName, key, operation } = target;
    if (utf8(key).length > switches.limits.key) {
      throw new Problem(400, "KeyTooLongError", "Your key is too long", {
        Size: String(utf8(key).length),
        MaxSizeAllowed: String(switches.limits.key),
      });
    }
    const bucket = store.buckets.get(bucketName);
    if (!bucket && operation !== "ListBuckets" && operation !== "CreateBucket") {
      throw problems.noSuchBucket(bucketName);
    }
    checkRate(`${bucketName}/${key}`, operation, switches);

    return await HANDLERS[operation]({
      request,
      operation,
      switches,
      store,
      bucketName,
      bucket: bucket ?? noBucket(bucketName),
      key,
      now: () => service.now(),
      chance,
    });
  }
  function checkRate(place: string, operation: Operation, { rate }: Switches) {
    if (rate.gap === 0 || !WRITES.includes(operation)) return;
    const last = written.get(place) ?? -Infinity;
    if (service.now() - last < rate.gap) {
      const headers: Record<string, string> = rate.retryAfter === undefined
        ? {}
        : { "retry-after": String(rate.retryAfter) };
      throw new Problem(
        rate.status,
        rate.status === 429 ? "TooManyRequests" : "SlowDown",
        "Please reduce your request rate.",
        {},
        headers,
      );
    }
    written.set(place, service.now());
  }
  return service;
}

/** Stands for the bucket of requests that have none; nothing put there is kept. */
const noBucket = (name: string) => createBucket(createStore(), name, 0, "off");

function bodyOf(request: S3Request, signed: Signed | undefined, { chunked }: Switches): S3Request {
  if (!isChunked(request) || chunked === "stored") return request;
  if (chunked === "decoded") return unchunk(request, signed);
  throw refuseChunks(chunked);
}

function checkRights(signed: Signed | undefined, { operation, key }: Target, { auth }: Switches) {
  if (!signed && !(auth.anonymous === "reads" && READS.includes(operation))) {
    throw problems.accessDenied();
  }
  const denied = auth.deny.some(({ op, prefix }) =>
    (op ?? operation) === operation && key.startsWith(prefix ?? "")
  );
  if (denied) throw problems.accessDenied();
}

/** A refusal as S3 tells it; HEAD and 304 have no body. */
export function problemAnswer(
  { status, code, message, fields, headers }: Problem,
  request: S3Request,
  { xml }: Switches,
  requestId: string,
): S3Answer {
  if (request.method === "HEAD" || status === 304 || xml.errors === "none") {
    return { status, headers, body: [] };
  }
  if (xml.errors === "html") {
    const body = `<html><body><h1>${status} ${code}</h1></body></html>\n`;
    return { status, headers: { ...headers, "content-type": "text/html" }, body: [utf8(body)] };
  }
  const content = {
    Code: code,
    Message: message,
    ...fields,
    Resource: request.path,
    RequestId: requestId,
    HostId: `${requestId}=`,
  };
  return {
    status,
    headers: { ...headers, "content-type": "application/xml" },
    body: [utf8(writeXml("Error", content, xml))],
  };
}
