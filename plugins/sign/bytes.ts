// Bytes as text, strictly: what the runtimes' own readers would skip is refused here.
import { Buffer } from "node:buffer";

/** Text as UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The bytes of hex digits. */
export function fromHex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Standard base64, padded. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** How base64 may be written. */
export interface Base64Options {
  /** Also the URL-safe alphabet, and without padding. */
  readonly loose?: boolean;
}

/**
 * The bytes of base64: standard and padded, or whatever a bundle may hold. Undefined for white space, mixed alphabets,
 * wrong padding and spare bits that are not zero.
 */
export function fromBase64(
  text: string,
  { loose = false }: Base64Options = {},
): Uint8Array<ArrayBuffer> | undefined {
  const body = text.replace(/={0,2}$/, "");
  const isUrl = /[-_]/.test(body);
  const shape = isUrl ? /^[A-Za-z0-9_-]*$/ : /^[A-Za-z0-9+/]*$/;
  if (!shape.test(body) || (isUrl && !loose)) return undefined;
  const padded = body.padEnd(Math.ceil(body.length / 4) * 4, "=");
  if (text !== padded && (text !== body || !loose)) return undefined;
  const bytes = new Uint8Array(Buffer.from(body, isUrl ? "base64url" : "base64"));
  const again = Buffer.from(bytes).toString(isUrl ? "base64url" : "base64").replace(/=+$/, "");
  return again === body ? bytes : undefined;
}

/** One after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
