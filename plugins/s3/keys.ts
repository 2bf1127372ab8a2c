import { Buffer } from "node:buffer";
import { OciError } from "../../core/mod.ts";

/** Most bytes of a key, in UTF-8. */
const LONGEST = 1024;

/**
 * A key as the path of a URL. A plus is escaped, as signers take a bare one for a blank.
 *
 * @throws {OciError} `invalid` for a key that clients and servers do not agree on.
 */
export function encodeKey(key: string): string {
  const segments = key.split("/");
  const odd = segments.some((segment) => segment === "" || segment === "." || segment === "..");
  if (odd || /[\p{Cc}\\]/u.test(key) || !key.isWellFormed() || Buffer.byteLength(key) > LONGEST) {
    throw new OciError(
      "invalid",
      `Cannot use the key ${JSON.stringify(key.slice(0, 200))}: ${why}`,
    );
  }
  return segments.map(encodeSegment).join("/");
}

const why = 'segments must not be empty, "." or "..", nor hold control characters or backslashes';

/** One segment, escaped as RFC 3986 wants it. */
export function encodeSegment(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A query, escaped; empty values keep their equals sign out where the name stands alone. */
export function encodeQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) =>
      value === "" ? encodeSegment(name) : `${encodeSegment(name)}=${encodeSegment(value)}`
    )
    .join("&");
}
