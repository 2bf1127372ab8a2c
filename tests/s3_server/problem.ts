// What S3 says when it refuses: a status, a code, a sentence, and now and then more fields or headers.

/** A refusal. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: Readonly<Record<string, string>> = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** Refusals that several operations share. */
export const problems = {
  accessDenied: (message = "Access Denied", fields = {}) =>
    new Problem(403, "AccessDenied", message, fields),
  badDigest: (what: string) =>
    new Problem(400, "BadDigest", `The ${what} you specified did not match what we received.`),
  conditionalConflict: (Key: string) =>
    new Problem(
      409,
      "ConditionalRequestConflict",
      "The conditional request cannot succeed due to a conflicting operation against this resource.",
      { Key },
    ),
  invalidArgument: (message: string, ArgumentName = "") =>
    new Problem(400, "InvalidArgument", message, { ArgumentName }),
  invalidRequest: (message: string) => new Problem(400, "InvalidRequest", message),
  malformedXml: () =>
    new Problem(
      400,
      "MalformedXML",
      "The XML you provided was not well-formed or did not validate against our published schema",
    ),
  noSuchBucket: (BucketName: string) =>
    new Problem(404, "NoSuchBucket", "The specified bucket does not exist", { BucketName }),
  noSuchKey: (Key: string) =>
    new Problem(404, "NoSuchKey", "The specified key does not exist.", { Key }),
  noSuchUpload: (UploadId: string) =>
    new Problem(
      404,
      "NoSuchUpload",
      "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
      { UploadId },
    ),
  notImplemented: (Header = "") =>
    new Problem(
      501,
      "NotImplemented",
      "A header you provided implies functionality that is not implemented",
      { Header },
    ),
  preconditionFailed: (Condition: string) =>
    new Problem(
      412,
      "PreconditionFailed",
      "At least one of the pre-conditions you specified did not hold",
      { Condition },
    ),
} as const;
