// The one door to XSalsa20-Poly1305, the cipher of cosign.key.
import { xsalsa20poly1305 } from "npm:@noble/ciphers@2.4.0/salsa.js";

/** Encrypts; the tag comes first. */
export function seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array {
  return xsalsa20poly1305(key, nonce).encrypt(plain);
}

/** Decrypts; undefined if the key is wrong or a byte was changed. */
export function unseal(
  key: Uint8Array,
  nonce: Uint8Array,
  cipher: Uint8Array,
): Uint8Array | undefined {
  try {
    return xsalsa20poly1305(key, nonce).decrypt(cipher);
  } catch {
    return undefined;
  }
}
