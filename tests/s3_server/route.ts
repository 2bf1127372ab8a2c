// Which bucket, key and operation a request means.
import { isIP } from "node:net";
import { parameter, type S3Request } from "./message.ts";
import { Problem } from "./problem.ts";
import type { Operation, Switches } from "./switches.ts";

export interface Target {
  readonly bucketName: string;
  readonly key: string;
  readonly operation: Operation;
}

/** Names under which the server itself is reached; what stands before one of them is a bucket. */
const DOMAINS = ["localhost", "s3.localhost", "s3.test"];

/** The bucket that the host names. */
function bucketOfHost(host: string): string | undefined {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  if (isIP(name.replace(/^\[|\]$/g, "")) || DOMAINS.includes(name)) return undefined;
  const domain = DOMAINS.toSorted((a, b) => b.length - a.length).find((one) =>
    name.endsWith(`.${one}`)
  );
  return domain === undefined ? undefined : name.slice(0, -domain.length - 1);
}

/** Bucket and key of a request. */
function placeOf(request: S3Request, { style }: Switches): { bucketName: string; key: string } {
  const host = style === "path" ? undefined : bucketOfHost(request.headers["host"] ?? "");
  let path: string;
  try {
    path = decodeURIComponent(request.path).replace(/^\//, "");
  } catch {
    throw new Problem(400, "InvalidURI", "Couldn't parse the specified URI.");
  }
  if (host !== undefined) return { bucketName: host, key: path };
  const [bucketName = "", ...rest] = path.split("/");
  if (style === "virtual" && bucketName !== "") {
    throw new Problem(
      403,
      "SecondLevelDomainForbidden",
      "The bucket you are attempting to access must be addressed using virtual hosted style.",
    );
  }
  return { bucketName, key: rest.join("/") };
}

const OTHERS =
  /^(acl|tagging|policy|cors|lifecycle|website|logging|notification|replication|encryption|object-lock|retention|legal-hold|torrent|restore|select|attributes|publicAccessBlock|ownershipControls|accelerate|requestPayment|inventory|analytics|metrics|intelligent-tiering)$/;

/** The operation that method and query mean. */
function operationOf(request: S3Request, bucketName: string, key: string): Operation {
  const { method, headers, query } = request;
  const has = (name: string) => parameter(request, name) !== undefined;
  if (method === "GET" && key !== "" && has("tagging")) return "GetObjectTagging";
  if (query.some(([name]) => OTHERS.test(name))) return "Unknown";
  if (bucketName === "") return method === "GET" ? "ListBuckets" : "Unknown";
  const copy = headers["x-amz-copy-source"] !== undefined;
  const table: Record<string, Operation> = key === ""
    ? {
      GET: has("location")
        ? "GetBucketLocation"
        : has("versioning")
        ? "GetBucketVersioning"
        : has("versions")
        ? "ListObjectVersions"
        : has("uploads")
        ? "ListMultipartUploads"
        : "ListObjects",
      HEAD: "HeadBucket",
      PUT: has("versioning") ? "PutBucketVersioning" : "CreateBucket",
      DELETE: "DeleteBucket",
      POST: has("delete") ? "DeleteObjects" : "Unknown",
    }
    : {
      GET: has("uploadId") ? "ListParts" : "GetObject",
      HEAD: "HeadObject",
      PUT: has("uploadId")
        ? (copy ? "UploadPartCopy" : "UploadPart")
        : (copy ? "CopyObject" : "PutObject"),
      POST: has("uploads")
        ? "CreateMultipartUpload"
        : has("uploadId")
        ? "CompleteMultipartUpload"
        : "Unknown",
      DELETE: has("uploadId") ? "AbortMultipartUpload" : "DeleteObject",
    };
  return table[method] ?? "Unknown";
}

/** What a request means. */
export function targetOf(request: S3Request, switches: Switches): Target {
  const place = placeOf(request, switches);
  return { ...place, operation: operationOf(request, place.bucketName, place.key) };
}
