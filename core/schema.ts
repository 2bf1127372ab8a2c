// The one door to zod. Its output is never used: schemas judge, the value as it was read goes on.
import * as z from "npm:zod@4.6.7/mini";
import { type ErrorCode, OciError } from "./errors.ts";

export { z };

/** A schema that judges values of type `T`. */
export type Schema<T> = z.ZodMiniType<T>;

/** Why `value` is not what the schema asks for, with the member it stumbled over; undefined if it is. */
export function complaint(schema: z.ZodMiniType, value: unknown): string | undefined {
  const result = z.safeParse(schema, value);
  if (result.success) return undefined;
  const issue = result.error.issues[0];
  const path = issue?.path.map(String).join(".");
  const reason = issue?.code === "unrecognized_keys"
    ? `no such member: ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}`
    : issue?.message ?? "not of its shape";
  return `${path ? `"${path}": ` : ""}${reason}`;
}

/**
 * `value` itself, once the schema has found nothing against it.
 *
 * @throws {OciError} `code`, beginning with `action` and naming the member.
 */
export function check<T>(
  schema: Schema<T>,
  value: unknown,
  code: ErrorCode,
  action: string,
): T {
  const reason = complaint(schema, value);
  if (reason === undefined) return value as T;
  throw new OciError(code, `${action}: ${reason}`);
}
