/** What went wrong, as a word a program can switch on. */
export type ErrorCode =
  | "not_found"
  | "already_exists"
  | "conflict"
  | "invalid"
  | "invalid_digest"
  | "corrupt"
  | "size_exceeded"
  | "ambiguous"
  | "locked"
  | "lease_lost"
  | "refused"
  | "read_only"
  | "unsupported"
  | "unavailable"
  | "aborted";

/** What an {@linkcode OciError} carries besides its sentence. */
export interface ErrorDetails {
  /** A finer code of the plugin that refused, such as a signature's. */
  readonly reason?: string | undefined;
  /** The place, without secrets. */
  readonly url?: string | undefined;
  /** The blob it is about. */
  readonly digest?: string | undefined;
  /** The name it is about. */
  readonly ref?: string | undefined;
  /** What caused it. */
  readonly cause?: unknown;
}

/**
 * The one error of this library: a sentence for people, a code for programs.
 *
 * Test for it with {@linkcode isOciError}, never with `instanceof`: two versions of the library may be loaded at once.
 *
 * @example
 * ```ts
 * import { OciError } from "./errors.ts";
 *
 * throw new OciError("not_found", 'Cannot resolve "v3": no such reference', { ref: "v3" });
 * ```
 */
export class OciError extends Error {
  /** Tells it from other errors. */
  override readonly name = "OciError";
  /** The word to switch on. */
  readonly code: ErrorCode;
  /** A finer code of the plugin that refused. */
  readonly reason?: string;
  /** The place, without secrets. */
  readonly url?: string;
  /** The blob it is about. */
  readonly digest?: string;
  /** The name it is about. */
  readonly ref?: string;

  /** Makes an error; members of `details` that are undefined are left out. */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    if (details.reason !== undefined) this.reason = details.reason;
    if (details.url !== undefined) this.url = details.url;
    if (details.digest !== undefined) this.digest = details.digest;
    if (details.ref !== undefined) this.ref = details.ref;
  }
}

/**
 * Whether `value` is an error of this library, of any loaded version of it; with `codes`, one of these.
 *
 * @example
 * ```ts
 * import { isOciError } from "./errors.ts";
 *
 * try {
 *   await Promise.reject(new Error("no"));
 * } catch (error) {
 *   if (!isOciError(error, "not_found", "ambiguous")) console.error(error);
 * }
 * ```
 */
export function isOciError(value: unknown, ...codes: ErrorCode[]): value is OciError {
  if (!(value instanceof Error) || value.name !== "OciError") return false;
  const code = (value as OciError).code;
  return typeof code === "string" && (codes.length === 0 || codes.includes(code));
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `error` with the place it happened in, if it is an {@linkcode OciError} that does not say one. */
export function located(error: unknown, url: URL): unknown {
  if (!isOciError(error) || error.url !== undefined) return error;
  const { code, message, reason, digest, ref } = error;
  return new OciError(code, message, { reason, digest, ref, url: url.href, cause: error });
}

/**
 * `error` as an {@linkcode OciError}: itself if it is one, `aborted` if the signal or a stream was cancelled, else
 * `code` with `action` as the sentence and `error` as the cause.
 */
export function asOciError(
  error: unknown,
  code: ErrorCode,
  action: string,
  details: ErrorDetails = {},
): OciError {
  if (isOciError(error)) return error;
  const aborted = error instanceof Error && error.name === "AbortError";
  return new OciError(aborted ? "aborted" : code, `${action}: ${messageOf(error)}`, {
    ...details,
    cause: error,
  });
}
