// Everything in which S3 services differ, as plain values. The defaults are AWS; `personalities.ts` names other sets.

/** What a service does with a header or request: takes it to heart, takes no notice, or refuses by this status. */
export type Care = "honoured" | "ignored" | 400 | 412 | 501;

/** The operations, as faults, rights and the journal name them. */
export const OPERATIONS = [
  "ListBuckets",
  "CreateBucket",
  "HeadBucket",
  "DeleteBucket",
  "GetBucketLocation",
  "GetBucketVersioning",
  "PutBucketVersioning",
  "ListObjects",
  "ListObjectVersions",
  "ListMultipartUploads",
  "DeleteObjects",
  "GetObject",
  "GetObjectTagging",
  "HeadObject",
  "PutObject",
  "CopyObject",
  "DeleteObject",
  "CreateMultipartUpload",
  "UploadPart",
  "UploadPartCopy",
  "ListParts",
  "CompleteMultipartUpload",
  "AbortMultipartUpload",
  "Unknown",
] as const;
export type Operation = typeof OPERATIONS[number];

/** How XML is written. */
export interface XmlDialect {
  readonly namespace: boolean;
  /** Elements are written as `s3:Name`. */
  readonly prefix: boolean;
  readonly entities: "named" | "numeric";
  readonly cdata: boolean;
  readonly bom: boolean;
  /** What the body of an error is. */
  readonly errors: "xml" | "html" | "none";
}

/** Who may ask. */
export interface Key {
  readonly accessKey: string;
  readonly secretKey: string;
  /** A session token that has to come along. */
  readonly token?: string;
  /** When it ends, in milliseconds of the server's clock. */
  readonly expires?: number;
}

/** What is refused with 403, whoever asks: an operation, keys that begin so, or both. */
export interface Denial {
  readonly op?: Operation;
  readonly prefix?: string;
}

/** How a service behaves. Times are milliseconds, sizes bytes. */
export interface Switches {
  /** Shown in the `Server` header. */
  readonly name: string;

  /** In which form `If-Match` is compared on writes. */
  readonly ifMatchForm: "both" | "quoted" | "unquoted";
  /** `If-Match` on a key that is not there: a status, or the object is made. */
  readonly missingIfMatch: 404 | 412 | "creates";
  /** The same of DeleteObject. */
  readonly missingDelete: 404 | 204;
  readonly conditions: {
    /** `If-None-Match: *` of PutObject. */
    readonly create: Care;
    /** `If-Match` of PutObject. */
    readonly replace: Care;
    /** The same of CompleteMultipartUpload. */
    readonly completeCreate: Care;
    readonly completeReplace: Care;
    /** `If-Match` of DeleteObject. */
    readonly delete: Care;
    /** `ETag` of a key in DeleteObjects. */
    readonly perKey: Care | "MalformedXML";
    /** `x-amz-copy-source-if-*`. */
    readonly copySource: Care;
    /** Both, of CopyObject's target. */
    readonly copyTarget: Care;
  };
  /** Whether check and write are one step, or this long apart, so that races have several winners. */
  readonly check: "atomic" | number;
  /** What the loser of a race is told, if the object changed after its request had come. */
  readonly lostRace: 412 | 409 | 500 | "mixed";

  readonly etag: {
    /** The MD5 of the content, or something else that follows from it. */
    readonly value: "md5" | "opaque";
    /** The operations that show it without quotes. */
    readonly bare: readonly Operation[];
  };
  readonly complete: {
    readonly etag: "shown" | "empty" | "absent";
    /** What a second Complete of the same upload gets. */
    readonly again: 200 | 404;
    readonly blanks: number;
  };
  readonly copy: Care | {
    readonly etag: "shown" | "empty" | "absent";
    readonly blanks: number;
  };
  readonly parts: {
    /** Smallest part but the last. */
    readonly minimum: number;
    /** All parts but the last have to be of one size. */
    readonly equal: boolean;
    readonly maximum: number;
  };
  /** ListMultipartUploads and ListParts: entries in a page, or refused. */
  readonly uploads: number | 501;
  readonly deleteObjects: 501 | {
    readonly needs: "md5" | "checksum" | "either" | "none";
    /** Whether `Content-MD5` is compared with the body. */
    readonly checked: boolean;
    readonly maximum: number;
    /** Keys that begin so fail with this code. */
    readonly failing: Readonly<Record<string, string>>;
    /** Keys that begin so are deleted, but not mentioned. */
    readonly silent: readonly string[];
  };
  /** `x-amz-checksum-*`: checked, kept and shown; or left alone. */
  readonly checksum: Care;
  /** `x-amz-content-sha256` against the body: not compared, or the code if it differs. */
  readonly payloadHash: "ignored" | "XAmzContentSHA256Mismatch" | "BadDigest";
  /** `aws-chunked` bodies. */
  readonly chunked: "decoded" | "stored" | 400 | 501;

  readonly range: "honoured" | "ignored";
  /** Whether `Content-Encoding` comes back. */
  readonly storedEncoding: "echoed" | "dropped";
  readonly list: {
    readonly page: number;
    /** What continuation tokens look like; a repeated one never gets on. */
    readonly token: "plain" | "odd" | "repeated";
    /** Sends an empty, truncated page before the second. */
    readonly emptyPage: boolean;
    /** Elements left out of every entry. */
    readonly without: readonly string[];
    readonly order: "sorted" | "unsorted";
    /** What `encoding-type=url` means: a `+` for a space, slashes encoded too, only what has to be, nothing. */
    readonly encoding: "aws" | "rgw" | "swift" | "ignored";
    /** Shows folders as keys that end with a slash. */
    readonly folders: boolean;
  };
  readonly xml: XmlDialect;

  readonly region: {
    readonly name: string;
    /** What a request signed for another region gets. */
    readonly check: "any" | 400 | 301 | 307;
    /** Whether headers and errors name the right one. */
    readonly told: boolean;
    /** Where 301 and 307 point to. */
    readonly host?: string;
  };
  readonly style: "path" | "virtual" | "both";
  readonly clock: {
    /** Added to the server's clock. */
    readonly offset: number;
    /** Whether answers carry a `Date`. */
    readonly shown: boolean;
    /** How far a signature may be from it. */
    readonly skew: number;
    /** What becomes of a presigned request after its expiry; `by key`: of a delete of many, each key is refused. */
    readonly expiry: "enforced" | "by key" | "ignored";
  };
  readonly auth: {
    readonly keys: readonly Key[];
    /** What an unknown access key is told. */
    readonly unknown: "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "XAdminUserNotFound";
    readonly anonymous: "refused" | "reads";
    /** `x-amz-*` headers that the signature leaves out. */
    readonly unsigned: "refused" | "accepted";
    /** HEAD of what is not there says 403, as without the right to list. */
    readonly head403: boolean;
    readonly deny: readonly Denial[];
  };
  readonly versioning: "off" | "on" | "suspended";
  /** Keys that begin so cannot be read, as they lie in an archive. */
  readonly archived: readonly string[];
  readonly rate: {
    /** Least time between two writes of one key. */
    readonly gap: number;
    readonly status: 429 | 503;
    /** In seconds. */
    readonly retryAfter?: number;
  };
  readonly limits: {
    readonly key: number;
    readonly metadata: number;
    readonly body: number;
    /** Of all that is stored; `QuotaExceeded` beyond. */
    readonly quota: number;
  };
  /** How much later reads and lists see what was written. */
  readonly visibility: { readonly reads: number; readonly lists: number };
}

/** Part of the switches, as deep as is needed. */
export type Changes<T = Switches> = T extends readonly unknown[] ? T
  : T extends object ? { readonly [K in keyof T]?: Changes<T[K]> }
  : T;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Switches with some of them changed. */
export function change<T extends object>(base: T, changes: object): T {
  const merged: Record<string, unknown> = Object.fromEntries(Object.entries(base));
  for (const [name, value] of Object.entries(changes)) {
    const old = merged[name];
    merged[name] = isRecord(value) && isRecord(old) ? change(old, value) : value;
  }
  return merged as T;
}

/** AWS, as documented. */
export const aws: Switches = {
  name: "AmazonS3",
  ifMatchForm: "both",
  missingIfMatch: 404,
  missingDelete: 404,
  conditions: {
    create: "honoured",
    replace: "honoured",
    completeCreate: "honoured",
    completeReplace: "honoured",
    delete: "honoured",
    perKey: "honoured",
    copySource: "honoured",
    copyTarget: "honoured",
  },
  check: "atomic",
  lostRace: 409,
  etag: { value: "md5", bare: [] },
  complete: { etag: "shown", again: 200, blanks: 0 },
  copy: { etag: "shown", blanks: 0 },
  parts: { minimum: 5 << 20, equal: false, maximum: 10_000 },
  uploads: 1000,
  deleteObjects: { needs: "either", checked: true, maximum: 1000, failing: {}, silent: [] },
  checksum: "honoured",
  payloadHash: "XAmzContentSHA256Mismatch",
  chunked: "decoded",
  range: "honoured",
  storedEncoding: "echoed",
  list: {
    page: 1000,
    token: "plain",
    emptyPage: false,
    without: [],
    order: "sorted",
    encoding: "aws",
    folders: false,
  },
  xml: {
    namespace: true,
    prefix: false,
    entities: "named",
    cdata: false,
    bom: false,
    errors: "xml",
  },
  region: { name: "us-east-1", check: 400, told: true },
  style: "both",
  clock: { offset: 0, shown: true, skew: 15 * 60_000, expiry: "enforced" },
  auth: {
    keys: [{ accessKey: "test", secretKey: "testtest" }],
    unknown: "InvalidAccessKeyId",
    anonymous: "refused",
    unsigned: "refused",
    head403: false,
    deny: [],
  },
  versioning: "off",
  archived: [],
  rate: { gap: 0, status: 503 },
  limits: { key: 1024, metadata: 2048, body: 5 * 2 ** 30, quota: Infinity },
  visibility: { reads: 0, lists: 0 },
};
