// Signature Version 4, checked from its description, so that the product's signer is not its own witness.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { type Claim, claimOf } from "./claim.ts";
import { checkRegion, checkTime, checkToken } from "./claim_checks.ts";
import { decode, encode, type S3Request } from "./message.ts";
import { Problem, problems } from "./problem.ts";
import type { Switches } from "./switches.ts";

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Uint8Array, data: string) =>
  createHmac("sha256", key).update(data).digest();

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
