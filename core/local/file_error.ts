import { asOciError, type ErrorCode, type ErrorDetails, messageOf, OciError } from "../errors.ts";

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: "not_found",
  EEXIST: "already_exists",
  ENOTDIR: "invalid",
  EISDIR: "invalid",
  ENAMETOOLONG: "invalid",
  ELOOP: "unsupported",
  EXDEV: "unsupported",
  EROFS: "read_only",
};

/** What there is to do about it, in the same words on every runtime. */
const WAYS_OUT: Readonly<Record<string, string>> = {
  ENOSPC: "no space left on device; make room there and try again",
  EDQUOT: "the disk quota is used up; make room there and try again",
};

/** The system's word for what went wrong, such as `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // What Deno says where a right was not granted.
  if (error.name === "NotCapable") return "EACCES";
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/**
 * What the file system said, as an error of this library: `not_found`, `already_exists`, `invalid` (a file where a
 * folder belongs or the reverse), `unsupported` (a link, another file system), `read_only` where a write was denied,
 * else `unavailable`.
 */
export function fileError(
  error: unknown,
  action: string,
  use: "read" | "write" = "write",
  details: ErrorDetails = {},
): OciError {
  const errno = errnoOf(error);
  if (errno === undefined) return asOciError(error, "unavailable", action, details);
  const denied = errno === "EACCES" || errno === "EPERM";
  const code = denied && use === "write" ? "read_only" : CODES[errno] ?? "unavailable";
  const [, reason] = /^\w+: (.*?), \w+( |$)/.exec(messageOf(error)) ?? [];
  return new OciError(code, `${action}: ${WAYS_OUT[errno] ?? reason ?? messageOf(error)}`, {
    ...details,
    cause: error,
  });
}

/** What `work` gives; where it fails nobody can tell what later readers find: `unavailable`, with the reason `unknown`. */
export async function orUnknown<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { message } = fileError(cause, action);
    throw new OciError("unavailable", message, { reason: "unknown", cause });
  }
}

/** What `work` gives; undefined if the file it is about is not there. */
export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** As {@linkcode unlessMissing}, of work that is done at once. */
export function ifThere<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether the file that the work is about was there. */
export function wasThere(work: () => void): boolean {
  return ifThere(() => (work(), true)) ?? false;
}
