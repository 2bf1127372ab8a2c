import { type Awaitable, digestOf, OciError, splitDigest } from "../../core/mod.ts";
import { base64, fromHex } from "./bytes.ts";
import {
  type KeyObject,
  publicKeyOf,
  type Scheme,
  signBytes,
  spkiOf,
  verifyBytes,
} from "./crypto.ts";
import { isEcdsaDer, judgeSpki } from "./der.ts";
import { printPem, readPem } from "./pem.ts";

/** A public key. */
export interface PublicKey {
  /** How it signs. */
  readonly scheme: Scheme;
  /** Its name: sha256 of its DER in hex. */
  readonly id: string;
  /** The same in base64, as bundles carry it. */
  readonly hint: string;
  /** Its DER. */
  readonly spki: Uint8Array;
  /** Whether it has signed these bytes; ECDSA in DER and nothing else. */
  verify(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** What signs: a key in memory, or something that has one. */
export interface Signer {
  /** How it signs. */
  readonly scheme: Scheme;
  /** The name of its public half. */
  readonly keyId: string;
  /** The DER of its public half. */
  readonly spki: Uint8Array;
  /** A signature of the bytes; ECDSA in DER. */
  sign(bytes: Uint8Array): Awaitable<Uint8Array>;
}

/** A public key of its DER; throws `unsupported` for all but P-256, uncompressed, and Ed25519. */
export function publicKey(spki: Uint8Array): PublicKey {
  const verdict = judgeSpki(spki);
  if ("unsupported" in verdict) {
    throw new OciError("unsupported", `Cannot use the public key: ${verdict.unsupported}`);
  }
  const { scheme } = verdict;
  const key = publicKeyOf(spki);
  const id = splitDigest(digestOf(spki)).hex;
  return {
    scheme,
    id,
    hint: base64(fromHex(id)),
    spki,
    verify(bytes, signature) {
      const legal = scheme === "ed25519" ? signature.length === 64 : isEcdsaDer(signature);
      return legal && verifyBytes(scheme, key, bytes, signature);
    },
  };
}

/** A public key in PEM; throws `invalid`, `unsupported`. */
export function readPublicKey(pem: string, what = "the public key"): PublicKey {
  const { label, bytes } = readPem(pem, what);
  if (label === "PUBLIC KEY") return publicKey(bytes);
  throw new OciError("invalid", `Cannot read ${what}: it is in a "${label}" block, no public key`);
}

/** A public key as PEM. */
export function printPublicKey({ spki }: Pick<PublicKey, "spki">): string {
  return printPem({ label: "PUBLIC KEY", bytes: spki });
}

/** What signs with a private key of the runtime; throws `unsupported`. */
export function signerOf(key: KeyObject): Signer {
  const { scheme, id, spki } = publicKey(spkiOf(key));
  return { scheme, keyId: id, spki, sign: (bytes) => signBytes(scheme, key, bytes) };
}
