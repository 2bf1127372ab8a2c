// Signature Version 4, checked from its description, so that the product's signer is not its own witness.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { decode, encode, parameter, type S3Request } from "./message.ts";
import { Problem, problems } from "./problem.ts";
import type { Key, Switches } from "./switches.ts";

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Uint8Array, data: string) =>
  createHmac("sha256", key).update(data).digest();

/** What a signature claims. */
interface Claim {
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

/** Who asked. */
export interface Signed {
  readonly accessKey: string;
  readonly region: string;
  /** What starts the chain of signed chunks. */
  readonly seed: {
    readonly key: Uint8Array;
    readonly scope: string;
    readonly date: string;
    readonly signature: string;
  };
}

function malformed(message: string): Problem {
  return new Problem(400, "AuthorizationHeaderMalformed", message);
}

function claimOf(request: S3Request): Claim | undefined {
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
function timeOf(date: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (!parts) {
    throw problems.accessDenied("AWS authentication requires a valid Date or x-amz-date header");
  }
  const [, year, month, day, hour, minute, second] = parts.map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}

function canonical(request: S3Request, claim: Claim): string {
  const query = request.query
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0)
    .map((pair) => pair.join("="));
  return [
    request.method,
    request.path.split("/").map((segment) => encode(decode(segment))).join("/"),
    query.join("&"),
    ...claim.signedHeaders.map((name) =>
      `${name}:${(request.headers[name] ?? "").trim().replace(/ +/g, " ")}`
    ),
    "",
    claim.signedHeaders.join(";"),
    claim.payload,
  ].join("\n");
}

/** Finds out who signed a request; undefined if nobody did. Throws what S3 says to a signature that does not hold. */
export function verify(request: S3Request, switches: Switches, now: number): Signed | undefined {
  const claim = claimOf(request);
  if (!claim) return undefined;
  const key = switches.auth.keys.find(({ accessKey }) => accessKey === claim.accessKey);
  if (!key) {
    throw new Problem(
      switches.auth.unknown === "XAdminUserNotFound" ? 404 : 403,
      switches.auth.unknown,
      "The AWS Access Key Id you provided does not exist in our records.",
      { AWSAccessKeyId: claim.accessKey },
    );
  }
  checkToken(key, claim, now);
  checkRegion(claim, switches);
  checkTime(request, claim, switches, now);
  checkHeaders(request, claim, switches);
  const scope = [claim.day, claim.region, claim.service, "aws4_request"].join("/");
  const form = canonical(request, claim);
  const toSign = ["AWS4-HMAC-SHA256", claim.date, scope, sha256(form)].join("\n");
  const signingKey = [claim.day, claim.region, claim.service, "aws4_request"]
    .reduce<string | Uint8Array>(hmac, `AWS4${key.secretKey}`) as Uint8Array;
  const expected = hmac(signingKey, toSign);
  const given = new Uint8Array(expected.length);
  given.set(
    Uint8Array.from(claim.signature.match(/../g) ?? [], (pair) => parseInt(pair, 16)).subarray(
      0,
      32,
    ),
  );
  if (claim.signature.length !== 64 || !timingSafeEqual(expected, given)) {
    throw new Problem(
      403,
      "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
      { AWSAccessKeyId: claim.accessKey, StringToSign: toSign, CanonicalRequest: form },
    );
  }
  checkPayload(request, claim, switches);
  return {
    accessKey: key.accessKey,
    region: claim.region,
    seed: { key: signingKey, scope, date: claim.date, signature: claim.signature },
  };
}

function checkToken(key: Key, { token }: Claim, now: number): void {
  if (key.token !== token) {
    throw key.token !== undefined && token === undefined
      ? new Problem(
        403,
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
      )
      : new Problem(400, "InvalidToken", "The provided token is malformed or otherwise invalid.");
  }
  if (key.expires !== undefined && now >= key.expires) {
    throw new Problem(400, "ExpiredToken", "The provided token has expired.");
  }
}

function checkRegion({ region, presigned }: Claim, switches: Switches): void {
  const { name, check, host, told } = switches.region;
  if (check === "any" || region === name) return;
  const headers: Record<string, string> = told ? { "x-amz-bucket-region": name } : {};
  if (check === 400) {
    throw new Problem(
      400,
      presigned ? "AuthorizationQueryParametersError" : "AuthorizationHeaderMalformed",
      `The authorization header is malformed; the region '${region}' is wrong` +
        (told ? `; expecting '${name}'` : ""),
      told ? { Region: name } : {},
      headers,
    );
  }
  const endpoint = host ?? `s3.${name}.amazonaws.com`;
  throw check === 301
    ? new Problem(
      301,
      "PermanentRedirect",
      "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
      { Endpoint: endpoint },
      headers,
    )
    : new Problem(
      307,
      "TemporaryRedirect",
      "Please re-send this request to the specified temporary endpoint. Continue to use the original request endpoint for future requests.",
      { Endpoint: endpoint },
      { ...headers, location: `http://${endpoint}/` },
    );
}

function checkTime(request: S3Request, claim: Claim, switches: Switches, now: number): void {
  const { skew, expiry } = switches.clock;
  const signed = timeOf(claim.date);
  if (!claim.date.startsWith(claim.day)) {
    throw malformed("The authorization header is malformed; Invalid credential date.");
  }
  const ServerTime = new Date(now).toISOString();
  if (claim.presigned) {
    const life = Number(parameter(request, "X-Amz-Expires"));
    if (!(life >= 1 && life <= 604_800)) {
      throw new Problem(
        400,
        "AuthorizationQueryParametersError",
        "X-Amz-Expires must be between 1 and 604800 seconds",
      );
    }
    if (signed > now + skew) {
      throw problems.accessDenied("Request is not yet valid", { ServerTime });
    }
    if (expiry === "enforced" && now > signed + life * 1000) {
      throw problems.accessDenied("Request has expired", {
        "X-Amz-Expires": String(life),
        Expires: new Date(signed + life * 1000).toISOString(),
        ServerTime,
      });
    }
  } else if (Math.abs(now - signed) > skew) {
    throw new Problem(
      403,
      "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large.",
      { RequestTime: claim.date, ServerTime, MaxAllowedSkewMilliseconds: String(skew) },
    );
  }
}

function checkHeaders({ headers }: S3Request, claim: Claim, switches: Switches): void {
  const left = Object.keys(headers).filter((name) =>
    (name === "host" || name.startsWith("x-amz-") && switches.auth.unsigned === "refused") &&
    !claim.signedHeaders.includes(name)
  );
  if (left.length > 0) {
    throw problems.accessDenied(
      "There were headers present in the request which were not signed",
      { HeadersNotSigned: left.join(", ") },
    );
  }
}

function checkPayload({ body }: S3Request, { payload }: Claim, switches: Switches): void {
  if (payload === "UNSIGNED-PAYLOAD" || payload.startsWith("STREAMING-")) return;
  if (!/^[0-9a-f]{64}$/.test(payload)) {
    throw problems.invalidArgument(
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value.",
      "x-amz-content-sha256",
    );
  }
  if (switches.payloadHash !== "ignored" && sha256(body) !== payload) {
    throw new Problem(
      400,
      switches.payloadHash,
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
      { ClientComputedContentSHA256: payload, S3ComputedContentSHA256: sha256(body) },
    );
  }
}
