import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { base64, fromHex, hex, utf8 } from "../../../plugins/sign/bytes.ts";
import { sealKey, unsealKey } from "../../../plugins/sign/cosign_key.ts";
import { pkcs8Of, signBytes, spkiOf } from "../../../plugins/sign/crypto.ts";
import { isEcdsaDer } from "../../../plugins/sign/der.ts";
import { printPublicKey, publicKey, readPublicKey, signerOf } from "../../../plugins/sign/key.ts";
import { printPem, readPem } from "../../../plugins/sign/pem.ts";
import {
  newPrivateKey,
  printPrivateKey,
  readPrivateKey,
} from "../../../plugins/sign/private_key.ts";
import { fails } from "../../fails.ts";
import * as vectors from "./vectors.ts";

const SCHEMES = ["ecdsa-p256-sha256", "ed25519"] as const;
const silent = () => undefined;
const says = (passphrase: string) => () => passphrase;

/** Runs what may throw at once as a promise. */
const attempt = <T>(run: () => T) => Promise.resolve().then(run);

describe("keys", () => {
  for (const scheme of SCHEMES) {
    it(`of ${scheme} come back as they were written, encrypted or not`, async () => {
      const key = newPrivateKey(scheme);
      const { keyId } = signerOf(key);
      const lengths = scheme === "ed25519" ? [44, 48] : [91, 138];
      assert.deepEqual([spkiOf(key).length, pkcs8Of(key).length], lengths);
      const written = [
        printPrivateKey(key, {}),
        printPrivateKey(key, { passphrase: "pässwörd" }),
        printPrivateKey(key, { passphrase: "pässwörd", compat: true }),
      ];
      assert.deepEqual(written.map((pem) => pem.split("\n")[0]), [
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----",
        "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----",
      ]);
      for (const pem of written) {
        assert.ok(pem.split("\n").every((line) => line.startsWith("-") || line.length <= 64));
        const back = await readPrivateKey(pem, says("pässwörd"));
        assert.equal(signerOf(back).keyId, keyId);
      }
      const pem = printPublicKey(publicKey(spkiOf(key)));
      assert.equal(readPublicKey(pem).id, keyId);
    });

    it(`of ${scheme} verify what they signed and nothing else`, () => {
      const key = newPrivateKey(scheme);
      const other = publicKey(spkiOf(newPrivateKey(scheme)));
      const signature = signBytes(scheme, key, utf8("text"));
      const own = publicKey(spkiOf(key));
      assert.ok(own.verify(utf8("text"), signature));
      assert.ok(!other.verify(utf8("text"), signature));
      assert.ok(!own.verify(utf8("Text"), signature));
      for (let at = 0; at < signature.length; at++) {
        const changed = signature.with(at, (signature[at] ?? 0) ^ 1);
        assert.ok(!own.verify(utf8("text"), changed), `byte ${at}`);
      }
      assert.ok(!own.verify(utf8("text"), Uint8Array.of(...signature, 0)));
    });
  }

  it("of cosign are sealed to the same bytes for ever", () => {
    const { passphrase, ciphertext, ...options } = vectors.SEALED;
    const body = sealKey(vectors.ED25519_PKCS8, passphrase, options);
    assert.equal(JSON.parse(new TextDecoder().decode(body)).ciphertext, ciphertext);
    assert.deepEqual(hex(unsealKey(body, passphrase)), hex(vectors.ED25519_PKCS8));
  });

  it("may have the empty passphrase, and are encrypted all the same", async () => {
    const key = newPrivateKey("ed25519");
    const pem = printPrivateKey(key, { passphrase: "" });
    assert.match(pem, /ENCRYPTED/);
    assert.equal(signerOf(await readPrivateKey(pem, says(""))).keyId, signerOf(key).keyId);
  });

  it("need the right passphrase, and never tell it", async () => {
    const pem = printPrivateKey(newPrivateKey("ed25519"), { passphrase: "right" });
    const error = await fails(
      readPrivateKey(pem, says("s3cret")),
      "invalid",
      /passphrase is wrong/,
    );
    assert.doesNotMatch(`${error.message}${error.stack}${error.cause}`, /s3cret/);
    await fails(readPrivateKey(pem, silent), "invalid", /there is no passphrase/);
  });

  it("with strange costs of scrypt are refused before any is run", async () => {
    const body = sealKey(vectors.ED25519_PKCS8, "pw", { n: 32768 });
    const json = JSON.parse(new TextDecoder().decode(body));
    for (
      const costs of [{ N: 16384 }, { r: 16 }, { p: 2 }, { N: 2 ** 40 }, { N: 65537 }, { N: -1 }]
    ) {
      const strange = { ...json, kdf: { ...json.kdf, params: { ...json.kdf.params, ...costs } } };
      const bytes = utf8(JSON.stringify(strange));
      await fails(attempt(() => unsealKey(bytes, "pw")), "unsupported", /is not run/);
    }
  });

  it("with a body that is not theirs are refused", async () => {
    const json = JSON.parse(new TextDecoder().decode(sealKey(vectors.ED25519_PKCS8, "pw")));
    const bodies = [
      "no JSON",
      JSON.stringify({ ...json, extra: 1 }),
      JSON.stringify({ ...json, ciphertext: "not base64" }),
      JSON.stringify({ ...json, kdf: { ...json.kdf, salt: "AAAA" } }),
      JSON.stringify({ ...json, cipher: { ...json.cipher, name: "aes" } }),
    ];
    for (const body of bodies) await fails(attempt(() => unsealKey(utf8(body), "pw")), "invalid");
  });

  it("holding SEC1 where PKCS#8 belongs are refused", async () => {
    const sec1 = fromHex(`30310201010420${"11".repeat(32)}a00a06082a8648ce3d030107`);
    const pem = printPem({
      label: "ENCRYPTED SIGSTORE PRIVATE KEY",
      bytes: sealKey(sec1, "pw", { n: 32768 }),
    });
    await fails(readPrivateKey(pem, says("pw")), "invalid", /no PKCS#8/);
  });
});

describe("PEM", () => {
  const bytes = vectors.ED25519_SPKI;
  const pem = printPem({ label: "PUBLIC KEY", bytes });

  it("is read with text around it and with either end of line", () => {
    assert.deepEqual(readPem(`a note\n${pem}more\n`).bytes, bytes);
    assert.deepEqual(readPem(pem.replaceAll("\n", "\r\n")).bytes, bytes);
  });

  const cases: Readonly<Record<string, string>> = {
    "nothing": "",
    "text": "hello",
    "two blocks": pem + pem,
    "an unknown label": pem.replaceAll("PUBLIC KEY", "CERTIFICATE"),
    "headers": pem.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n\n"),
    "no end": pem.replace("-----END PUBLIC KEY-----", ""),
    "another end": pem.replace("END PUBLIC", "END PRIVATE"),
    "an empty block": "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
    "bytes that are no base64": pem.replace("MCow", "MC*w"),
    "64 KiB and more": "x".repeat(65_537),
  };
  for (const [what, text] of Object.entries(cases)) {
    it(`is refused with ${what}`, async () => {
      await fails(attempt(() => readPublicKey(text)), "invalid");
      await fails(readPrivateKey(text, silent), "invalid");
    });
  }
});

describe("keys that are not taken", () => {
  const point = hex(vectors.P256_SPKI).slice(54);
  const spkis: Readonly<Record<string, readonly [string, RegExp]>> = {
    "a compressed point": [
      `3039301306072a8648ce3d020106082a8648ce3d03010703220003${point.slice(0, 64)}`,
      /compressed/,
    ],
    "a point beside the curve": [
      `${hex(vectors.P256_SPKI).slice(0, -2)}98`,
      /not on the curve/,
    ],
    "a point of small order": [`302a300506032b6570032100${"00".repeat(32)}`, /small order/],
    "the same with another sign": [`302a300506032b65700321000${"1"}${"00".repeat(30)}80`, /small/],
    "P-384": [
      `3076301006072a8648ce3d020106052b8104002203620004${"11".repeat(96)}`,
      /P-384/,
    ],
    "RSA": [`30819f300d06092a864886f70d010101050003818d00${"30".repeat(140)}`, /RSA/],
    "a byte behind": [`${hex(vectors.ED25519_SPKI)}00`, /not supported/],
  };
  for (const [what, [digits, message]] of Object.entries(spkis)) {
    it(`${what}: unsupported, by name`, async () => {
      const pem = printPem({ label: "PUBLIC KEY", bytes: fromHex(digits) });
      await fails(attempt(() => readPublicKey(pem)), "unsupported", message);
    });
  }

  it("a private key where a public one belongs, and the other way round", async () => {
    const pem = printPrivateKey(newPrivateKey("ed25519"), {});
    await fails(attempt(() => readPublicKey(pem)), "invalid", /no public key/);
    const spki = printPem({ label: "PUBLIC KEY", bytes: vectors.ED25519_SPKI });
    await fails(readPrivateKey(spki, silent), "invalid", /it is a public key/);
  });

  it("PKCS#8 of version 2, and bytes that are no key", async () => {
    const v2 = vectors.ED25519_PKCS8.with(4, 1);
    const pem = (bytes: Uint8Array) => printPem({ label: "PRIVATE KEY", bytes });
    await fails(readPrivateKey(pem(v2), silent), "unsupported", /version 2/);
    await fails(readPrivateKey(pem(utf8("hello")), silent), "invalid");
    await fails(readPrivateKey(pem(vectors.ED25519_PKCS8.slice(0, 40)), silent), "invalid");
  });
});

it("signatures of P-256 are DER in one spelling only", () => {
  const good = fromHex(`3006020101020101`);
  assert.ok(isEcdsaDer(good));
  const bad = [
    "3006020100020101", // r is zero
    "300702020001020101", // a zero too many
    "3006020181020101", // negative
    "300602010102010100", // a byte behind
    "3007020101020101", // wrong length
    "30080201010201010000",
    "3003020101", // no s
    "11".repeat(64), // raw
    `3026022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551020101`, // r is n
    "",
  ];
  for (const digits of bad) assert.ok(!isEcdsaDer(fromHex(digits)), digits);
  assert.equal(base64(good), "MAYCAQECAQE=");
});
