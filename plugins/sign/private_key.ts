import { isOciError, OciError } from "../../core/mod.ts";
import { hex } from "./bytes.ts";
import { sealKey, unsealKey } from "./cosign_key.ts";
import { generate, type KeyObject, pkcs8Of, privateKeyOf, type Scheme } from "./crypto.ts";
import { kindOfKey, pkcs8Version, usesScrypt } from "./der.ts";
import { signerOf } from "./key.ts";
import { printPem, readPem } from "./pem.ts";

/** Brings the passphrase of a key; asked only where one is needed. */
export type Passphrase = () => string | undefined | Promise<string | undefined>;

const ENCRYPTED = [
  "ENCRYPTED PRIVATE KEY",
  "ENCRYPTED SIGSTORE PRIVATE KEY",
  "ENCRYPTED COSIGN PRIVATE KEY",
];

/**
 * A private key in PEM: cosign.key, PKCS#8 plain or encrypted with PBKDF2, or plain SEC1.
 *
 * @throws {OciError} `invalid` for a file that cannot be read, or without the right passphrase; `unsupported` for any
 * key that is neither P-256 nor Ed25519.
 */
export async function readPrivateKey(pem: string, passphrase: Passphrase): Promise<KeyObject> {
  const { label, bytes } = readPem(pem);
  if (label === "PUBLIC KEY") throw unreadable("it is a public key");
  if (label === "ENCRYPTED PRIVATE KEY" && usesScrypt(bytes)) {
    throw new OciError("unsupported", "Cannot read the key: PKCS#8 encrypted with scrypt");
  }
  const secret = ENCRYPTED.includes(label) ? await passphrase() : undefined;
  if (ENCRYPTED.includes(label) && secret === undefined) {
    throw unreadable("it is encrypted, and there is no passphrase");
  }
  if (label === "EC PRIVATE KEY") return parsed(bytes, "sec1");
  if (label === "PRIVATE KEY" || secret === undefined) return parsed(bytes, "pkcs8");
  if (label === "ENCRYPTED PRIVATE KEY") return parsed(bytes, "pkcs8", secret);
  return parsed(unsealKey(bytes, secret), "pkcs8");
}

function unreadable(why: string): OciError {
  return new OciError("invalid", `Cannot read the key: ${why}`);
}

function parsed(der: Uint8Array, type: "pkcs8" | "sec1", passphrase?: string): KeyObject {
  const version = passphrase === undefined && type === "pkcs8" ? pkcs8Version(der) : 0;
  if (version === 1) {
    throw new OciError("unsupported", "Cannot read the key: PKCS#8 of version 2 (RFC 5958)");
  }
  if (version !== 0) throw unreadable("it is no PKCS#8");
  let key: KeyObject;
  try {
    key = privateKeyOf(der, type, passphrase);
  } catch {
    // What the runtime says differs, and might quote what it read.
    const kind = passphrase === undefined ? kindOfKey(hex(der)) : undefined;
    if (kind !== undefined && /RSA|P-384|P-521|Ed448|X25519|secp256k1/.test(kind)) {
      throw new OciError("unsupported", `Cannot use the key: ${kind}`);
    }
    throw unreadable(
      passphrase === undefined
        ? `it is no ${type === "sec1" ? "SEC1" : "PKCS#8"} key`
        : "the passphrase is wrong, or the file is damaged",
    );
  }
  try {
    signerOf(key);
  } catch (error) {
    if (!isOciError(error)) throw unreadable("it is no key that signs");
    throw new OciError(error.code, error.message.replace("the public key", "the key"));
  }
  return key;
}

/** How a private key is written. */
export interface WriteKeyOptions {
  /** The passphrase; without one the key is written as it is. */
  readonly passphrase?: string | undefined;
  /** For every cosign, also the oldest. */
  readonly compat?: boolean;
}

/** A private key as PEM: cosign.key, or plain PKCS#8. */
export function printPrivateKey(
  key: KeyObject,
  { passphrase, compat = false }: WriteKeyOptions,
): string {
  const pkcs8 = pkcs8Of(key);
  if (passphrase === undefined) return printPem({ label: "PRIVATE KEY", bytes: pkcs8 });
  const label = compat ? "ENCRYPTED COSIGN PRIVATE KEY" : "ENCRYPTED SIGSTORE PRIVATE KEY";
  return printPem({ label, bytes: sealKey(pkcs8, passphrase, { n: compat ? 32768 : 65536 }) });
}

/** A new private key. */
export function newPrivateKey(scheme: Scheme): KeyObject {
  return generate(scheme);
}
