import { isOciError, OciError } from "../../core/mod.ts";

/** An error about what was typed. */
export function usageError(message: string): OciError {
  return new OciError("invalid", message, { reason: "usage" });
}

/** Whether an error is about what was typed. */
export function isUsage(error: unknown): boolean {
  return isOciError(error) && error.reason === "usage";
}

/** What is invalid in what was typed, or in a file that was named, is an error of usage. */
export function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (isOciError(error, "invalid")) throw usageError(error.message);
    throw error;
  }
}
