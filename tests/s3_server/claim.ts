// What a signature claims, in a header or in the query, before anything of it is believed.
import { parameter, type S3Request } from "./message.ts";
import { Problem, problems } from "./problem.ts";

/** What a signature claims. */
export interface Claim {
  readonly presigned: boolean;
  readonly accessKey: string;
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly date: string;
  readonly token: string | undefined;
  readonly payload: string;
}
/** A refusal of a form. */
export function malformed(message: string): Problem {
  return new Problem(400, "AuthorizationHeaderMalformed", message);
}
/** What a request claims; undefined if it is not signed. */
export function claimOf(request: S3Request): Claim | undefined {
  const { headers } = request;
  const query = (name: string) => parameter(request, name);
  const header = headers["authorization"];
  const presigned = query("X-Amz-Algorithm") !== undefined;
  if (header === undefined && !presigned) return undefined;
  if (header !== undefined && presigned) {
    throw problems.invalidArgument("Only one auth mechanism allowed");
  }
  if (
    presigned
      ? query("X-Amz-Algorithm") !== "AWS4-HMAC-SHA256"
      : !header?.startsWith("AWS4-HMAC-SHA256 ")
  ) {
    throw problems.invalidArgument("Unsupported Authorization Type", "Authorization");
  }
  const fields = new Map(
    (header ?? "").replace(/^\S+\s+/, "").split(",").map((field) => {
      const [name = "", ...value] = field.trim().split("=");
      return [name, value.join("=")];
    }),
  );
  const field = (name: string) => {
    const value = presigned ? query(`X-Amz-${name}`) : fields.get(name);
    if (value) return value;
    throw presigned
      ? new Problem(400, "AuthorizationQueryParametersError", `X-Amz-${name} is missing`)
      : malformed(`The authorization header is malformed; missing ${name}.`);
  };
  const scope = field("Credential").split("/");
  const [terminal, service = "", region = "", day = ""] = scope.splice(-4).reverse();
  if (terminal !== "aws4_request" || service !== "s3" || scope.length === 0) {
    throw malformed("The authorization header is malformed; the Credential is mal-formed.");
  }
  const payload = headers["x-amz-content-sha256"];
  if (!presigned && payload === undefined) {
    throw problems.invalidRequest("Missing required header for this request: x-amz-content-sha256");
  }
  return {
    presigned,
    accessKey: scope.join("/"),
    day,
    region,
    service,
    signedHeaders: field("SignedHeaders").split(";"),
    signature: field("Signature"),
    date: presigned ? field("Date") : dateOf(headers),
    token: presigned ? query("X-Amz-Security-Token") : headers["x-amz-security-token"],
    payload: payload ?? "UNSIGNED-PAYLOAD",
  };
}

/** The signing time, from whichever header has it, in the form of scopes. */
function dateOf(headers: S3Request["headers"]): string {
  const own = headers["x-amz-date"];
  if (own !== undefined) return own;
  const time = Date.parse(headers["date"] ?? "");
  if (Number.isNaN(time)) {
    throw problems.accessDenied("AWS authentication requires a valid Date or x-amz-date header");
  }
  return new Date(time).toISOString().replace(/[-:]|\.\d+/g, "");
}

/** The moment of `20260131T235959Z`. */
export function timeOf(date: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (!parts) {
    throw problems.accessDenied("AWS authentication requires a valid Date or x-amz-date header");
  }
  const [, year, month, day, hour, minute, second] = parts.map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}
