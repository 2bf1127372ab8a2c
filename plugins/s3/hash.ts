import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** The SHA-256 of some bytes, in hex. At once: Web Crypto would first make a copy of a part of an upload. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The MD5 of some bytes in base64, as servers ask for it. */
export function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("base64");
}

/** Hex as base64. */
export function base64(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}
