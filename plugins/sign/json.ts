import { decodeUtf8, isOciError, messageOf, OciError, parseJson } from "../../core/mod.ts";
import { utf8 } from "./bytes.ts";

const MAX_DEPTH = 32;

/**
 * A value as the bytes that are signed (RFC 8785): members by UTF-16 code unit, no white space.
 *
 * @throws {OciError} `invalid` for numbers that are no safe integers and for lone surrogates.
 */
export function canonicalJson(value: unknown): Uint8Array<ArrayBuffer> {
  return utf8(print(value));
}

function print(value: unknown): string {
  if (typeof value === "string" && !value.isWellFormed()) {
    throw new OciError("invalid", "Cannot sign text with half a surrogate pair");
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new OciError("invalid", `Cannot sign the number ${value}: it is no safe integer`);
  }
  if (value === null || ["string", "number", "boolean"].includes(typeof value)) {
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(print).join(",")}]`;
  if (typeof value !== "object" || isRaw(value)) {
    throw new OciError("invalid", "Cannot sign what is no plain JSON");
  }
  const members = Object.entries(value).filter(([, one]) => one !== undefined)
    .sort(([a], [b]) => a < b ? -1 : 1);
  return `{${members.map(([name, one]) => `${print(name)}:${print(one)}`).join(",")}}`;
}

function isRaw(value: object): boolean {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}

/**
 * Reads JSON of strangers: a member named twice, half a surrogate pair, more than 32 levels, bytes that are not UTF-8
 * and text behind the end throw what `fail` makes of the complaint.
 */
export function readStrict(bytes: Uint8Array, fail: (why: string) => OciError): unknown {
  let value: unknown;
  try {
    value = parseJson(decodeUtf8(bytes));
  } catch (error) {
    if (!isOciError(error)) throw error;
    throw fail(messageOf(error).replace(/^Cannot read (JSON|text): /, ""));
  }
  const why = oddity(value, 0);
  if (why !== undefined) throw fail(why);
  return value;
}

function oddity(value: unknown, depth: number): string | undefined {
  if (typeof value === "string") {
    return value.isWellFormed() ? undefined : "half a surrogate pair";
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (depth >= MAX_DEPTH) return `more than ${MAX_DEPTH} levels deep`;
  for (const [name, one] of Object.entries(value)) {
    const why = oddity(name, depth + 1) ?? oddity(one, depth + 1);
    if (why !== undefined) return why;
  }
  return undefined;
}
