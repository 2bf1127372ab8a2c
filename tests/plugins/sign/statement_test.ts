import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf, isOciError } from "../../../core/mod.ts";
import { base64, fromBase64, utf8 } from "../../../plugins/sign/bytes.ts";
import { privateKeyOf } from "../../../plugins/sign/crypto.ts";
import { preAuthEncoding, printBundle, readBundle } from "../../../plugins/sign/envelope.ts";
import { canonicalJson } from "../../../plugins/sign/json.ts";
import { publicKey, signerOf } from "../../../plugins/sign/key.ts";
import { printReferrer } from "../../../plugins/sign/referrer.ts";
import {
  bindingOf,
  printStatement,
  readStatement,
  STATEMENT_TYPE,
} from "../../../plugins/sign/statement.ts";
import { readIsoDuration, readTime } from "../../../plugins/sign/time.ts";
import * as vectors from "./vectors.ts";

/** What `run` throws, as its reason. */
function reasonOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (isOciError(error)) return error.reason ?? error.code;
    throw error;
  }
  return undefined;
}

describe("what is signed", () => {
  const statement = printStatement(vectors.V1);
  const encoded = preAuthEncoding(STATEMENT_TYPE, statement);

  it("is the same bytes for ever: statement, encoding, bundle, referrer", async () => {
    assert.equal(
      digestOf(statement),
      "sha256:102ac5970d2c88f8c4847e35363a0cd519b7f599a6484a77d719a44dff738754",
    );
    assert.equal(encoded.length, 653);
    assert.equal(
      digestOf(encoded),
      "sha256:ebb6bc16542548afaec6615b333bfddf9d0f1ddcd451dfbfd0424af5c95abca9",
    );
    const signer = signerOf(privateKeyOf(vectors.ED25519_PKCS8, "pkcs8"));
    assert.equal(signer.keyId, vectors.ED25519.id);
    const signature = await signer.sign(encoded);
    assert.equal(base64(signature), vectors.ED25519_SIGNATURE);
    const { hint } = publicKey(vectors.ED25519_SPKI);
    const bundle = printBundle(statement, signature, hint);
    assert.equal(bundle.length, 1159);
    assert.equal(
      digestOf(bundle),
      "sha256:a985bd65f590b451ed68b101ee49cb135bd0f5b4aa23d102610b3c8da146756b",
    );
    const referrer = printReferrer(bundle, vectors.IMAGE, vectors.V1.issued);
    assert.equal(referrer.bytes.length, 814);
    assert.equal(
      digestOf(referrer.bytes),
      "sha256:9012195c780b25a5084af83dbbf82fb649d31842fde7f14df426b69c2dc606de",
    );
  });

  it("is read back as it was said, and both schemes vouch for it", () => {
    assert.deepEqual(bindingOf(readStatement(statement)), vectors.V1);
    const p256 = publicKey(vectors.P256_SPKI);
    assert.deepEqual([p256.id, p256.hint], [vectors.P256_ID, vectors.P256_HINT]);
    const signature = fromBase64(vectors.P256_SIGNATURE);
    assert.ok(signature && p256.verify(encoded, signature));
    assert.ok(!p256.verify(utf8("something else"), signature));
  });

  it("cannot be changed in any byte: statement, signature or envelope", async () => {
    const key = publicKey(vectors.ED25519_SPKI);
    const signer = signerOf(privateKeyOf(vectors.ED25519_PKCS8, "pkcs8"));
    const bundle = printBundle(statement, await signer.sign(encoded), key.hint);
    const accepted = (bytes: Uint8Array) => {
      const { payload, payloadType, signature, hint } = readBundle(bytes);
      return hint === key.hint && key.verify(preAuthEncoding(payloadType, payload), signature) &&
        payloadType === STATEMENT_TYPE && bindingOf(readStatement(payload));
    };
    assert.ok(accepted(bundle));
    for (let at = 0; at < bundle.length; at++) {
      const changed = bundle.with(at, (bundle[at] ?? 0) ^ 1);
      let passed: unknown = false;
      const reason = reasonOf(() => passed = accepted(changed));
      assert.ok(reason !== undefined || !passed, `byte ${at} may be changed`);
    }
    for (let at = 0; at < statement.length; at++) {
      const changed = statement.with(at, (statement[at] ?? 0) ^ 1);
      const signature = fromBase64(vectors.ED25519_SIGNATURE) ?? new Uint8Array();
      assert.ok(!key.verify(preAuthEncoding(STATEMENT_TYPE, changed), signature));
    }
  });
});

describe("bundles of strangers", () => {
  const { hint } = publicKey(vectors.ED25519_SPKI);
  const statement = printStatement(vectors.V1);
  const text = new TextDecoder().decode(printBundle(statement, utf8("signature"), hint));
  const sig = base64(utf8("signature"));
  const cases: readonly (readonly [string, (text: string) => string, string])[] = [
    ["two signatures", (t) => t.replace('[{"sig"', '[{"sig":"AAAA"},{"sig"'), "malformed"],
    ["no signature", (t) => t.replace(/"signatures":\[.*?\]/, '"signatures":[]'), "malformed"],
    [
      "a member named twice",
      (t) => t.replace("{", '{"mediaType":"x",'),
      "malformed",
    ],
    ["a member nobody knows", (t) => t.replace("{", '{"extra":1,'), "malformed"],
    [
      "white space in base64",
      (t) => t.replace(sig, `${sig.slice(0, 4)} ${sig.slice(4)}`),
      "malformed",
    ],
    ["mixed alphabets", (t) => t.replace(sig, "ab-/ab+_"), "malformed"],
    ["another version", (t) => t.replace("v0.3", "v0.2"), "malformed"],
    [
      "a message signature",
      (t) => t.replace("dsseEnvelope", "messageSignature"),
      "malformed",
    ],
    [
      "a certificate",
      (t) => t.replace(/"publicKey":\{.*?\}/, '"certificate":{"rawBytes":"AAAA"}'),
      "untrusted_key",
    ],
    ["another keyid", (t) => t.replace('{"sig"', '{"keyid":"x","sig"'), "malformed"],
    ["text behind the end", (t) => `${t} {}`, "malformed"],
    ["half a surrogate pair", (t) => t.replace(hint, "\\ud800"), "malformed"],
    ["33 levels", (t) => t.replace("{", `{"x":${"[".repeat(33)}${"]".repeat(33)},`), "malformed"],
    ["256 KiB and more", (t) => t.replace(hint, "A".repeat(257 << 10)), "malformed"],
  ];
  for (const [what, change, reason] of cases) {
    it(`with ${what} are refused as ${reason}`, () => {
      const changed = change(text);
      assert.notEqual(changed, text);
      assert.equal(reasonOf(() => readBundle(utf8(changed))), reason);
    });
  }

  it("may use the URL-safe alphabet, leave padding out and name the same key twice", () => {
    const loose = text.replace(sig, sig.replace(/=+$/, "")).replace(
      '{"sig"',
      `{"keyid":"${hint}","sig"`,
    )
      .replace('{"publicKey"', '{"tlogEntries":[],"publicKey"');
    assert.deepEqual(readBundle(utf8(loose)).signature, utf8("signature"));
  });
});

describe("statements of strangers", () => {
  const v1 = () => JSON.parse(new TextDecoder().decode(printStatement(vectors.V1)));
  type Json = ReturnType<typeof v1>;
  const cases: Readonly<Record<string, (json: Json) => void>> = {
    "an unknown member": (json) => json.extra = 1,
    "an unknown member of the predicate": (json) => json.predicate.extra = 1,
    "an unknown member of the target": (json) => json.predicate.target.extra = 1,
    "another type": (json) => json._type = "https://in-toto.io/Statement/v0.1",
    "two subjects": (json) => json.subject.push(json.subject[0]),
    "a subject of another name": (json) => json.subject[0].name = "v2",
    "a subject of another digest": (json) => json.subject[0].digest.sha256 = "0".repeat(64),
    "a subject of another sequence": (json) =>
      json.subject[0].annotations["dev.stowage.sequence"] = "2",
    "a sequence of zero": (json) => json.predicate.sequence = 0,
    "a sequence beyond what a number holds": (json) => json.predicate.sequence = 2 ** 53,
    "a sequence as text": (json) => json.predicate.sequence = "1",
    "an empty scope": (json) => json.predicate.scope = "",
    "a scope of 513 bytes": (json) => json.predicate.scope = "s".repeat(513),
    "a time with fractions": (json) => json.predicate.issued = "2026-11-22T00:00:00.000Z",
    "a time of no calendar": (json) => json.predicate.issued = "2026-02-30T00:00:00Z",
    "an end before its beginning": (json) => json.predicate.expires = "2026-11-21T00:00:00Z",
    "no previous": (json) => delete json.predicate.previous,
    "an annotation that is no text": (json) => json.predicate.target.annotations = { a: 1 },
  };
  for (const [what, change] of Object.entries(cases)) {
    it(`with ${what} are malformed`, () => {
      const json = v1();
      change(json);
      const bytes = utf8(JSON.stringify(json));
      assert.equal(reasonOf(() => bindingOf(readStatement(bytes))), "malformed");
    });
  }

  it("that say something else are told apart", () => {
    const bytes = utf8(JSON.stringify({ ...v1(), predicateType: "https://spdx.dev/Document" }));
    assert.equal(reasonOf(() => bindingOf(readStatement(bytes))), "wrong_predicate");
  });
});

describe("canonical JSON", () => {
  it("sorts by code unit and escapes as little as JSON allows", () => {
    // The example of RFC 8785, 3.2.3.
    const value = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    const names = [...new TextDecoder().decode(canonicalJson(value)).matchAll(/"([^"]*)":/g)];
    assert.deepEqual(names.map(([, name]) => JSON.parse(`"${name}"`)), [
      "\r",
      "1",
      "\u0080",
      "\u00f6",
      "\u20ac",
      "\ud83d\ude00",
      "\ufb33",
    ]);
  });

  it("refuses what two readers could read differently", () => {
    for (const value of [1.5, 2 ** 53, NaN, "\ud800", { "\udc00": 1 }]) {
      assert.equal(reasonOf(() => canonicalJson(value)), "invalid");
    }
  });
});

it("times and durations are read in one spelling only", () => {
  assert.equal(readTime("2026-11-22T00:00:00Z"), Date.UTC(2026, 10, 22));
  for (const text of ["2026-11-22", "2026-11-22T00:00:00+00:00", "2026-11-22T24:00:00Z", 1]) {
    assert.equal(readTime(text), undefined);
  }
  assert.equal(readIsoDuration("P1DT2H3M4S"), 93_784_000);
  assert.equal(readIsoDuration("PT5M"), 300_000);
  for (const text of ["P", "PT", "P1W", "P1Y", "P1M", "5m", "P1DT", "PT1.5S"]) {
    assert.equal(readIsoDuration(text), undefined);
  }
});
