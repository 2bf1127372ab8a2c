// What servers answered to the questions of `abilities.ts`, in the order of `COLUMNS`. The in-repo server answers the same
// under these personalities, and so do the real ones of these versions; AWS's column is what its documents say.
import type { Abilities, Ability } from "./abilities.ts";

/** Personalities with answers, and of which server. */
export const COLUMNS = ["aws", "rgw16", "swift", "versitygw", "minio"] as const;
export type Column = typeof COLUMNS[number];

/** Which versions were asked. */
export const VERSIONS: Readonly<Record<Column, string>> = {
  aws: "AWS by its documents",
  rgw16: "Ceph radosgw 16.2.15",
  swift: "OpenStack Swift 2.30.1",
  versitygw: "Versity S3 Gateway 1.8.0, posix",
  minio: "MinIO of 2026-02-12",
};

const rows: Readonly<Record<Ability, readonly string[]>> = {
  "PUT If-None-Match: *, absent": [
    "200, new",
    "200, new",
    "501 NotImplemented, gone",
    "200, new",
    "200, new",
  ],
  "PUT If-None-Match: *, there": [
    "412 PreconditionFailed, old",
    "412 PreconditionFailed, old",
    "501 NotImplemented, old",
    "412 PreconditionFailed, old",
    "412 PreconditionFailed, old",
  ],
  "PUT If-Match, quoted": [
    "200, new",
    "412 PreconditionFailed, old",
    "501 NotImplemented, old",
    "200, new",
    "200, new",
  ],
  "PUT If-Match, unquoted": [
    "200, new",
    "200, new",
    "501 NotImplemented, old",
    "200, new",
    "200, new",
  ],
  "PUT If-Match, another": [
    "412 PreconditionFailed, old",
    "412 PreconditionFailed, old",
    "501 NotImplemented, old",
    "412 PreconditionFailed, old",
    "412 PreconditionFailed, old",
  ],
  "PUT If-Match, missing key": [
    "404 NoSuchKey, gone",
    "412 PreconditionFailed, gone",
    "501 NotImplemented, gone",
    "404 NoSuchKey, gone",
    "404 NoSuchKey, gone",
  ],
  "8 creators at once": [
    "1 won, its bytes",
    "1 won, its bytes",
    "0 won, other bytes",
    "1 won, its bytes",
    "1 won, its bytes",
  ],
  "8 replacers at once": [
    "1 won, its bytes",
    "1 won, its bytes",
    "0 won, other bytes",
    "1 won, its bytes",
    "1 won, its bytes",
  ],
  "Complete If-None-Match: *, there": ["412, old", "200, new", "412, old", "412, old", "412, old"],
  "Complete If-Match, another": ["412, old", "200, new", "412, old", "412, old", "412, old"],
  "Complete If-Match, its own": ["200, new", "200, new", "412, old", "200, new", "200, new"],
  "Complete, its ETag": [
    "200, that of HEAD",
    "200, empty",
    "200, that of HEAD",
    "200, that of HEAD",
    "200, that of HEAD",
  ],
  "Complete, again": ["200", "200", "200", "200", "404 NoSuchUpload"],
  "Copy, source If-Match another": [
    "412 PreconditionFailed, old",
    "200, new",
    "412 PreconditionFailed, old",
    "412 PreconditionFailed, old",
    "412 PreconditionFailed, old",
  ],
  "Copy If-None-Match: *, there": [
    "412 PreconditionFailed, old",
    "200, new",
    "501 NotImplemented, old",
    "200, new",
    "200, new",
  ],
  "UploadPartCopy, source If-Match another": [
    "412 PreconditionFailed",
    "200",
    "412 PreconditionFailed",
    "412 PreconditionFailed",
    "412 PreconditionFailed",
  ],
  "DELETE If-Match, another": [
    "412 PreconditionFailed, old",
    "204, gone",
    "412 PreconditionFailed, old",
    "412 PreconditionFailed, old",
    "204, gone",
  ],
  "DELETE If-Match, missing key": ["404 NoSuchKey", "204", "204", "204", "204"],
  "DeleteObjects, ETag another": [
    "200 PreconditionFailed, old",
    "200, gone",
    "400, old",
    "200, gone",
    "200, gone",
  ],
  "DeleteObjects, MD5 only": ["200, gone", "200, gone", "200, gone", "200, gone", "200, gone"],
  "DeleteObjects, checksum only": ["200, gone", "200, gone", "400, old", "200, gone", "200, gone"],
  "DeleteObjects, neither": ["400, old", "200, gone", "400, old", "400, old", "400, old"],
  "DeleteObjects, wrong MD5": ["400, old", "200, gone", "400, old", "400, old", "200, gone"],
  "Presigned DELETE, in time and late": [
    "403 AccessDenied, old; 204, gone",
    "403 AccessDenied, old; 204, gone",
    "403 AccessDenied, old; 204, gone",
    "403 AccessDenied, old; 204, gone",
    "403 AccessDenied, old; 204, gone",
  ],
  "Presigned, an unsigned x-amz header": [
    "403 AccessDenied",
    "200",
    "200",
    "403 AccessDenied",
    "200",
  ],
  "DELETE signed 20 min ago": [
    "403 RequestTimeTooSkewed, old",
    "403 RequestTimeTooSkewed, old",
    "403 RequestTimeTooSkewed, old",
    "403 RequestTimeTooSkewed, old",
    "403 RequestTimeTooSkewed, old",
  ],
  "PUT, wrong payload hash": [
    "400 XAmzContentSHA256Mismatch, gone",
    "400 XAmzContentSHA256Mismatch, gone",
    "400 BadDigest, gone",
    "400 XAmzContentSHA256Mismatch, gone",
    "400 XAmzContentSHA256Mismatch, gone",
  ],
  "PUT, wrong Content-MD5": [
    "400 BadDigest, gone",
    "400 BadDigest, gone",
    "400 BadDigest, gone",
    "400 BadDigest, gone",
    "400 BadDigest, gone",
  ],
  "PUT, wrong checksum": ["400, gone", "200, new", "200, new", "400, gone", "400, gone"],
  "PUT, checksum shown by HEAD": ["shown", "not shown", "not shown", "shown", "shown"],
  "UploadPart, its checksum": ["shown", "not shown", "not shown", "shown", "shown"],
  "Wrong secret; unknown key": [
    "403 SignatureDoesNotMatch; 403 InvalidAccessKeyId",
    "403 SignatureDoesNotMatch; 403 InvalidAccessKeyId",
    "403 SignatureDoesNotMatch; 403 SignatureDoesNotMatch",
    "403 SignatureDoesNotMatch; 404 XAdminUserNotFound",
    "403 SignatureDoesNotMatch; 403 InvalidAccessKeyId",
  ],
  "Another region": [
    "400 AuthorizationHeaderMalformed, told which",
    "404 NoSuchKey",
    "400 AuthorizationHeaderMalformed",
    "400 AuthorizationHeaderMalformed",
    "404 NoSuchKey",
  ],
  "GET a range; past the end; of nothing": [
    "206 234; 416 InvalidRange; 416 InvalidRange",
    "206 234; 416 InvalidRange; 416 InvalidRange",
    "206 234; 416 InvalidRange; 416 InvalidRange",
    "206 234; 416 InvalidRange; 416 InvalidRange",
    "206 234; 416 InvalidRange; 416 InvalidRange",
  ],
  "GET If-Match, another": [
    "412 PreconditionFailed",
    "412 PreconditionFailed",
    "412 PreconditionFailed",
    "412 PreconditionFailed",
    "412 PreconditionFailed",
  ],
  "List, an odd key encoded": [
    "…/o/a+b%2Bc%26%27%22%25%3C%C3%BC.txt",
    "…%2Fo%2Fa%20b%2Bc%26'%22%25%3C%C3%BC.txt",
    "…/o/a%20b%2Bc%26%27%22%25%3C%C3%BC.txt",
    "…/o/a b+c&'\"%<ü.txt",
    "…/o/a+b%2Bc%26%27%22%25%3C%C3%BC.txt",
  ],
  "List after PUT and DELETE": ["2, then 1", "2, then 1", "2, then 1", "2, then 1", "2, then 1"],
};

/** The answers of a column. */
export function observed(column: Column): Abilities {
  const at = COLUMNS.indexOf(column);
  return Object.fromEntries(
    Object.entries(rows).map(([ability, answers]) => [ability, answers[at]]),
  ) as Abilities;
}
