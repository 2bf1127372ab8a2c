import type { Scheme } from "./crypto.ts";
import { printPublicKey, publicKey, signerOf } from "./key.ts";
import { newPrivateKey, printPrivateKey } from "./private_key.ts";

/** How a key pair is made. */
export interface NewKeyOptions {
  /** How it signs; default `ecdsa-p256-sha256`. */
  readonly scheme?: Scheme;
  /** The passphrase; without one the key is written as it is. */
  readonly passphrase?: string;
  /** For every cosign, also the oldest. */
  readonly compat?: boolean;
}

/** A key pair. */
export interface NewKey {
  /** Its name. */
  readonly id: string;
  /** The private half in PEM. */
  readonly privateKey: string;
  /** The public half in PEM. */
  readonly publicKey: string;
}

/** Makes a key pair. */
export function newKey({ scheme = "ecdsa-p256-sha256", ...options }: NewKeyOptions): NewKey {
  const key = newPrivateKey(scheme);
  const own = publicKey(signerOf(key).spki);
  return {
    id: own.id,
    privateKey: printPrivateKey(key, options),
    publicKey: printPublicKey(own),
  };
}
