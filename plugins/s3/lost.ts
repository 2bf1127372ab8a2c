import { isOciError, messageOf, OciError } from "../../core/mod.ts";
import { placed, type Where } from "./trouble.ts";

/** Whether trying again is of no use: an error of ours, the end of the call, a certificate that is not trusted. */
export function isFatal(error: unknown): boolean {
  return isOciError(error) || (error instanceof Error && error.name === "AbortError") ||
    isUntrusted(error);
}

function isUntrusted(error: unknown): boolean {
  const { code = "" } = error as { code?: unknown };
  return /CERT|SELF_SIGNED|ALTNAME/.test(String(code)) || /certificate/i.test(messageOf(error));
}

/** What a connection that failed is to a caller: `aborted`, `refused` for a certificate, else `unavailable`. */
export function connectionFailure(error: unknown, action: string, where: Where): OciError {
  if (isOciError(error)) return error;
  const { url } = where;
  if (error instanceof Error && error.name === "AbortError") {
    return new OciError("aborted", `Cannot ${action}: the call was aborted`, { url, cause: error });
  }
  const place = placed(where);
  if (isUntrusted(error)) {
    const hint = 'name a file of certificates with "ca=FILE" or AWS_CA_BUNDLE';
    const why = `its certificate is not trusted (${messageOf(error)}); ${hint}`;
    const details = { url, reason: "certificate", cause: error };
    return new OciError("refused", `Cannot ${action} ${place}: ${why}`, details);
  }
  const why = messageOf(error) || "the connection was lost";
  return new OciError("unavailable", `Cannot ${action} ${place}: ${why}`, { url, cause: error });
}
