import { complaint, OciError, z } from "../../core/mod.ts";
import { base64, fromBase64, utf8 } from "./bytes.ts";
import { randomBytes, scrypt } from "./crypto.ts";
import { readStrict } from "./json.ts";
import { seal, unseal } from "./secretbox.ts";

/** The costs of scrypt that are read: what cosign writes, or has written. Others are refused before any is run. */
const COSTS = [32768, 65536, 131072];

const shape = z.strictObject({
  kdf: z.strictObject({
    name: z.literal("scrypt"),
    params: z.strictObject({ N: z.number(), r: z.number(), p: z.number() }),
    salt: z.string(),
  }),
  cipher: z.strictObject({ name: z.literal("nacl/secretbox"), nonce: z.string() }),
  ciphertext: z.string(),
});

const fail = (why: string) => new OciError("invalid", `Cannot read the key: ${why}`);

/** How a key is encrypted; what is left out is drawn at random. */
export interface SealOptions {
  /** The cost of scrypt: 32768 can be read by every cosign. */
  readonly n?: number;
  /** 32 bytes. */
  readonly salt?: Uint8Array;
  /** 24 bytes. */
  readonly nonce?: Uint8Array;
}

/** The body of cosign.key: a private key in PKCS#8, encrypted with a passphrase. */
export function sealKey(
  pkcs8: Uint8Array,
  passphrase: string,
  { n = 65536, salt = randomBytes(32), nonce = randomBytes(24) }: SealOptions = {},
): Uint8Array<ArrayBuffer> {
  const ciphertext = seal(scrypt(passphrase, salt, n), new Uint8Array(nonce), pkcs8);
  return utf8(JSON.stringify({
    kdf: { name: "scrypt", params: { N: n, r: 8, p: 1 }, salt: base64(salt) },
    cipher: { name: "nacl/secretbox", nonce: base64(nonce) },
    ciphertext: base64(ciphertext),
  }));
}

/** The PKCS#8 in the body of cosign.key; throws `invalid` for a wrong passphrase, `unsupported` for strange costs. */
export function unsealKey(body: Uint8Array, passphrase: string): Uint8Array {
  const json = readStrict(body, fail);
  const why = complaint(shape, json);
  if (why !== undefined) throw fail(why);
  const { kdf: { params, salt }, cipher, ciphertext } = json as z.infer<typeof shape>;
  if (!COSTS.includes(params.N) || params.r !== 8 || params.p !== 1) {
    const { N, r, p } = params;
    throw new OciError(
      "unsupported",
      `Cannot read the key: scrypt with N=${N}, r=${r}, p=${p} is not run; N may be ${
        COSTS.join(", ")
      }, with r=8 and p=1`,
    );
  }
  const [saltBytes, nonce, sealed] = [salt, cipher.nonce, ciphertext].map((text) =>
    fromBase64(text)
  );
  if (saltBytes?.length !== 32 || nonce?.length !== 24 || sealed === undefined) {
    throw fail("its salt, nonce or ciphertext is no base64 of the right length");
  }
  const plain = unseal(scrypt(passphrase, saltBytes, params.N), nonce, sealed);
  if (plain === undefined) throw fail("the passphrase is wrong, or the file is damaged");
  return plain;
}
