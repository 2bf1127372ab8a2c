import { isOciError, OciError } from "./errors.ts";

/** The reason of an error that the person who typed can mend: exit code 64. */
const USAGE = "usage";

/** An error about what was typed. */
export function usageError(message: string, cause?: unknown): OciError {
  return new OciError("invalid", message, { reason: USAGE, cause });
}

/** Whether an error is about what was typed. */
export function isUsage(error: unknown): boolean {
  return isOciError(error) && error.reason === USAGE;
}

/** Runs `read`; what it finds invalid is an error about what was typed. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isOciError(error, "invalid", "invalid_digest")) throw error;
    throw new OciError(error.code, error.message, { reason: USAGE });
  }
}
