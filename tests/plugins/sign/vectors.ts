// Keys and bytes that must come out the same for ever: RFC 8032, RFC 6979, and one statement signed by both.
import type { Descriptor } from "../../../core/mod.ts";
import { fromHex } from "../../../plugins/sign/bytes.ts";
import type { Binding } from "../../../plugins/sign/statement.ts";

/** RFC 8032, 7.1, test 1: seed and public key. */
export const ED25519 = {
  seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
  public: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
  id: "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9",
};
export const ED25519_PKCS8 = fromHex(`302e020100300506032b657004220420${ED25519.seed}`);
export const ED25519_SPKI = fromHex(`302a300506032b6570032100${ED25519.public}`);

/** RFC 6979, A.2.5: the public point. */
export const P256_SPKI = fromHex(
  "3059301306072a8648ce3d020106082a8648ce3d03010703420004" +
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6" +
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
);
export const P256_ID = "5a7a78cca4a0f420d9bc62bb669c3c2759e39f723d3ae10dcbe0f0815a07ecd4";
export const P256_HINT = "Wnp4zKSg9CDZvGK7Zpw8J1njn3I9OuENy+DwgVoH7NQ=";

/** The image that is signed. */
export const IMAGE: Descriptor = {
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest: "sha256:3a1103cd22ce7ba5fe79f529f10d1bc702ec08cdcf137919067d232846ecb7cb",
  size: 407,
};

/** "In registry.example/team/app, v1 is this image", for the first time. */
export const V1: Binding = {
  ref: "v1",
  scope: "registry.example/team/app",
  sequence: 1,
  previous: null,
  issued: "2026-11-22T00:00:00Z",
  expires: "2027-02-20T00:00:00Z",
  target: IMAGE,
};

export const ED25519_SIGNATURE =
  "UcDkiiP6QcY0TXIXcTKxNa0azxq4Khz3eoNX2UYQrIV6URppr21cDcQGt7wH5Tpw8qGR0hRkSzSB/I1fBBmZCA==";
export const P256_SIGNATURE =
  "MEUCIHkTR3S7NZrvTIAYvbVlQ15copEOd1oG4WVMGKiPXSetAiEA7U9QWE6oeNM9heJXNWcP+p7pv3d2yGH2v9BOoTPnA+o=";

/** cosign.key of the Ed25519 key: passphrase, salt, nonce, cost and ciphertext. */
export const SEALED = {
  passphrase: "stowage",
  salt: Uint8Array.from({ length: 32 }, (_, n) => n),
  nonce: Uint8Array.from({ length: 24 }, (_, n) => n),
  n: 32768,
  ciphertext:
    "4DdCpm9p08/4rnBMir9xJVBvDPo7FAWf2wTKFTddmx/33pcvk5MmHJ0u8AUO/KETkFE/hSTEUzAims50QQfg0A==",
};
