import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

const LARGE = 64 << 10;

/** The SHA-256 of some bytes, in hex; many are hashed beside everything else. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  if (bytes.length < LARGE) return createHash("sha256").update(bytes).digest("hex");
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Buffer.from(digest).toString("hex");
}

/** The MD5 of some bytes in base64, as servers ask for it. */
export function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("base64");
}

/** Hex as base64. */
export function base64(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}
