// Whether a claim may hold at all: token, region, time.
import { type Claim, malformed, timeOf } from "./claim.ts";
import { parameter, type S3Request } from "./message.ts";
import { Problem, problems } from "./problem.ts";
import type { Key, Switches } from "./switches.ts";

export function checkToken(key: Key, { token }: Claim, now: number): void {
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

export function checkRegion({ region, presigned }: Claim, switches: Switches): void {
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

/** Whether a presigned request is past its expiry. */
export function isExpired(request: S3Request, now: number): boolean {
  const life = parameter(request, "X-Amz-Expires");
  if (!life) return false;
  return now > timeOf(parameter(request, "X-Amz-Date") ?? "") + Number(life) * 1000;
}

function isRefusedWhole(request: S3Request, expiry: Switches["clock"]["expiry"]): boolean {
  const many = request.method === "POST" && parameter(request, "delete") !== undefined;
  return expiry === "enforced" || (expiry === "by key" && !many);
}

export function checkTime(request: S3Request, claim: Claim, switches: Switches, now: number): void {
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
    if (isExpired(request, now) && isRefusedWhole(request, expiry)) {
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
