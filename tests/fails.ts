import assert from "node:assert/strict";
import { type ErrorCode, isOciError, type OciError } from "../core/errors.ts";

/** Waits for a failure with this code, in a sentence; the error comes back. */
export async function fails(
  promise: Promise<unknown>,
  code: ErrorCode,
  message?: RegExp,
): Promise<OciError> {
  const error = await promise.then(() => undefined, (error: unknown) => error);
  assert.ok(error !== undefined, `succeeded, ${code} was expected`);
  if (!isOciError(error)) throw error;
  assert.equal(error.code, code, error.message);
  assert.match(error.message, /^[A-Z][^\p{Cc}]*[^.\s]$/u);
  assert.ok(error.message.length < 2_000, "the message is as long as a file");
  if (message) assert.match(error.message, message);
  return error;
}
