// The one door to the cryptography of the runtime: keys as objects, signatures as DER or 64 bytes.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  scryptSync,
  sign,
  verify,
} from "node:crypto";
import { Buffer } from "node:buffer";

export { type KeyObject, randomBytes };

/** How keys sign: ECDSA over P-256 with SHA-256, or Ed25519 of the message itself. */
export type Scheme = "ecdsa-p256-sha256" | "ed25519";

/** The digest a scheme is used with: an EC key needs one named, an Ed25519 key must have none. */
const DIGESTS = { "ecdsa-p256-sha256": "sha256", "ed25519": null } as const;

/** A signature; ECDSA as DER. */
export function signBytes(scheme: Scheme, key: KeyObject, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(sign(DIGESTS[scheme], bytes, key));
}

/** Whether a signature is right; what the runtime stumbles over is wrong. */
export function verifyBytes(
  scheme: Scheme,
  key: KeyObject,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    return verify(DIGESTS[scheme], bytes, key, signature);
  } catch {
    return false;
  }
}

/** A public key of its DER. */
export function publicKeyOf(spki: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
}

/** The DER of the public half. */
export function spkiOf(key: KeyObject): Uint8Array<ArrayBuffer> {
  const half = key.type === "private" ? createPublicKey(key) : key;
  return new Uint8Array(half.export({ type: "spki", format: "der" }));
}

/** A private key of its DER: PKCS#8, if need be encrypted, or SEC1. */
export function privateKeyOf(
  der: Uint8Array,
  type: "pkcs8" | "sec1",
  passphrase?: string,
): KeyObject {
  const encrypted = passphrase === undefined ? {} : { passphrase };
  return createPrivateKey({ key: Buffer.from(der), format: "der", type, ...encrypted });
}

/** The PKCS#8 DER of a private key. */
export function pkcs8Of(key: KeyObject): Uint8Array<ArrayBuffer> {
  return new Uint8Array(key.export({ type: "pkcs8", format: "der" }));
}

/** A new private key. */
export function generate(scheme: Scheme): KeyObject {
  return scheme === "ed25519"
    ? generateKeyPairSync("ed25519").privateKey
    : generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
}

/** 32 bytes of a passphrase. */
export function scrypt(passphrase: string, salt: Uint8Array, n: number): Uint8Array {
  const options = { N: n, r: 8, p: 1, maxmem: 256 * n * 8 };
  return new Uint8Array(scryptSync(Buffer.from(passphrase), salt, 32, options));
}
