import { Buffer } from "node:buffer";
import { type ErrorCode, OciError } from "../../core/mod.ts";
import { parseXml, textOf } from "./xml.ts";

/** What a server said when it refused or failed. */
export interface Trouble {
  readonly status: number;
  /** S3's word for it; the status as a word where no body came. */
  readonly code: string;
  readonly message: string;
  /** Where the bucket is, if the server said so. */
  readonly region?: string;
  readonly requestId?: string;
  /** Milliseconds the server asks to wait. */
  readonly after?: number;
  /** Where it sends to. */
  readonly location?: string;
}

/** What to do after an answer that is no success. */
export type Remedy =
  /** Try again. */
  | "again"
  /** Try again, and ask for less. */
  | "slower"
  /** Fetch credentials, then once more. */
  | "credentials"
  /** Take the server's time, then once more. */
  | "clock"
  /** Learn where the bucket is, then once more. */
  | "region"
  /** Nothing: it is refused. */
  | "none";

const BY_STATUS: Readonly<Record<number, string>> = {
  301: "PermanentRedirect",
  307: "TemporaryRedirect",
  400: "BadRequest",
  401: "AccessDenied",
  403: "AccessDenied",
  404: "NotFound",
  409: "Conflict",
  411: "MissingContentLength",
  412: "PreconditionFailed",
  413: "EntityTooLarge",
  416: "InvalidRange",
  429: "SlowDown",
  500: "InternalError",
  501: "NotImplemented",
  503: "ServiceUnavailable",
  507: "QuotaExceeded",
};

/** Reads what a server said, from a body that may be empty or a page for people. */
export function troubleOf(
  status: number,
  headers: Readonly<Record<string, string>>,
  bytes: Uint8Array,
): Trouble {
  const root = parseXml(Buffer.from(bytes).toString());
  const error = root?.name === "Error" ? root : undefined;
  const region = headers["x-amz-bucket-region"] ?? textOf(error, "Region");
  const requestId = headers["x-amz-request-id"] ?? textOf(error, "RequestId");
  return {
    status,
    code: textOf(error, "Code") || BY_STATUS[status] || `Status${status}`,
    message: textOf(error, "Message") ?? "",
    ...(region ? { region } : {}),
    ...(requestId ? { requestId } : {}),
  };
}

const CREDENTIALS = /^(ExpiredToken(Exception)?|TokenRefreshRequired|RequestExpired)$/;
const REGION =
  /^(PermanentRedirect|TemporaryRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException|IncorrectEndpoint)$/;
const SLOWER =
  /^(SlowDown\w*|RequestLimitExceeded|Throttling\w*|TooManyRequests\w*|ServiceUnavailable|Busy)$/;
const AGAIN =
  /^(InternalError|RequestTimeout|UnknownError|OperationAborted|BadDigest|XAmzContentSHA256Mismatch|IncompleteBody)$/;

/** What to do about it. */
export function remedyOf({ status, code, region }: Trouble): Remedy {
  if (CREDENTIALS.test(code)) return "credentials";
  if (code === "RequestTimeTooSkewed") return "clock";
  if (REGION.test(code) || status === 301 || status === 307 || status === 308) return "region";
  if (status === 400 && region !== undefined) return "region";
  if (QUOTA.test(code)) return "none";
  if (SLOWER.test(code) || status === 429 || status === 503) return "slower";
  if (AGAIN.test(code) || status === 408 || (status >= 500 && status !== 501)) return "again";
  return "none";
}

const QUOTA = /^(QuotaExceeded|XMinioStorageFull|InsufficientStorage|StorageQuotaExceeded)$/;
const SECRET = /^(SignatureDoesNotMatch|InvalidSecurity|AuthFailure)$/;
const KEY =
  /^(InvalidAccessKeyId|InvalidClientTokenId|UnrecognizedClientException|XAdminUserNotFound)$/;
const TOKEN = /^(ExpiredToken(Exception)?|InvalidToken|TokenRefreshRequired)$/;

/** What it means for a reader: the library's code, a finer reason, and a sentence's end. */
function meaningOf({ status, code, message, region }: Trouble): [ErrorCode, string, string] {
  const said = message && message !== code ? `${code}: ${message}` : code;
  if (SECRET.test(code)) {
    return ["refused", "secret", "the secret key does not belong to the access key"];
  }
  if (KEY.test(code)) return ["refused", "access_key", "the access key is not known there"];
  if (TOKEN.test(code)) return ["refused", "expired", "the credentials have expired"];
  if (code === "NoSuchBucket") return ["not_found", "bucket", "there is no such bucket"];
  if (QUOTA.test(code)) return ["unavailable", "quota", `no room is left: ${said}`];
  if (code === "RequestTimeTooSkewed") {
    return ["refused", "clock", "the clocks of this machine and the server are too far apart"];
  }
  if (/lock|WORM|retention/i.test(said) && (status === 403 || status === 400 || status === 409)) {
    return ["refused", "object_lock", `the object is locked: ${said}`];
  }
  if (remedyOf({ status, code, message, ...(region ? { region } : {}) }) === "region") {
    const where = region === undefined ? "" : `; it is in "${region}"`;
    return ["refused", "region", `the bucket is not in the region that was asked${where}`];
  }
  if (code === "InvalidObjectState") return ["unavailable", "archived", "the object is archived"];
  if (status === 401 || status === 403) return ["refused", "access", `access is denied: ${said}`];
  if (status === 404) return ["not_found", "", "it is not there"];
  if (status === 413 || code === "EntityTooLarge") return ["size_exceeded", "", said];
  if (status === 501) return ["unsupported", "", `the server cannot do that: ${said}`];
  if (status === 409 || status === 412) return ["conflict", "", said];
  if (status >= 500 || status === 429 || status === 408) return ["unavailable", "", said];
  return ["invalid", "", said];
}

/** Where it happened, as errors name it. */
export interface Where {
  readonly url: string;
  readonly bucket: string;
  readonly endpoint: string;
}

/** The error that trouble makes of an action such as `read "index.json"`. */
export function failureOf(trouble: Trouble, action: string, where: Where): OciError {
  const [code, reason, why] = meaningOf(trouble);
  const { requestId } = trouble;
  const request = requestId === undefined ? "" : `, request ${requestId}`;
  return new OciError(code, `Cannot ${action} ${placed(where)}: ${why}${request}`, {
    url: where.url,
    ...(reason === "" ? {} : { reason }),
  });
}

/** `in bucket "b" at http://…`: what every error of a bucket names. */
export function placed({ bucket, endpoint }: Where): string {
  return `in bucket "${bucket}" at ${endpoint}`;
}
