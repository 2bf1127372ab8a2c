import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { printPublicKey } from "../../../plugins/sign/key.ts";
import { parsePolicy, policyOfKeys, ruleFor } from "../../../plugins/sign/policy.ts";
import { fails } from "../../fails.ts";
import { pair } from "./signing.ts";

const [k, l] = [pair(), pair("ecdsa-p256-sha256")];
const keys = Object.fromEntries(
  [k, l].map(({ own }) => [own.id, { scheme: own.scheme, pem: printPublicKey(own) }]),
);
const good = {
  version: 1,
  default: "reject",
  keys,
  rules: [
    { refs: ["v*"], keys: [k.own.id, l.own.id], threshold: 2, maxAge: "P90D", requireExpiry: true },
    { refs: ["sha256-*.sig", "@digest"], action: "accept" },
    { refs: ["a?c", "*.*.*"], keys: [k.own.id], forms: ["cosign-legacy"] },
  ],
};

describe("a policy", () => {
  it("is read, and the first rule that names a reference holds", () => {
    const policy = parsePolicy(JSON.stringify(good));
    assert.deepEqual([policy.skew, policy.strict, policy.scope], [300_000, false, undefined]);
    const rule = ruleFor(policy, "v1.2.3");
    assert.deepEqual([rule.threshold, rule.maxAge, rule.action], [2, 90 * 86_400_000, "verify"]);
    const actions = {
      "sha256-ab.sig": "accept",
      "@digest": "accept",
      abc: "verify",
      "1.2.3": "verify",
    };
    for (const [name, action] of Object.entries(actions)) {
      assert.equal(ruleFor(policy, name).action, action, name);
    }
    for (const name of ["xv1", "ac", "abbc", ""]) {
      assert.equal(ruleFor(policy, name).action, "reject");
    }
    assert.equal(ruleFor({ ...policy, default: "warn" }, "x").action, "warn");
  });

  const [id] = Object.keys(keys);
  const bent: Readonly<Record<string, (policy: typeof good) => unknown>> = {
    "an unknown member": (p) => ({ ...p, extra: 1 }),
    "no default": ({ default: _, ...p }) => p,
    "no version": ({ version: _, ...p }) => p,
    "another version": (p) => ({ ...p, version: 2 }),
    "an unknown member in a rule": (p) => ({ ...p, rules: [{ refs: ["*"], keys: [id], kes: [] }] }),
    "an id that is not the key's": (p) => ({ ...p, keys: { ["0".repeat(64)]: keys[id ?? ""] } }),
    "a scheme that is not the key's": (p) => ({
      ...p,
      keys: { ...keys, [k.own.id]: { scheme: "ecdsa-p256-sha256", pem: printPublicKey(k.own) } },
    }),
    "a key that is none": (p) => ({ ...p, keys: { x: { scheme: "ed25519", pem: "hello" } } }),
    "a rule with a key that is not there": (p) => ({ ...p, rules: [{ refs: ["*"], keys: ["x"] }] }),
    "a rule without keys": (p) => ({ ...p, rules: [{ refs: ["*"] }] }),
    "a rule without names": (p) => ({ ...p, rules: [{ refs: [], keys: [id] }] }),
    "a threshold above its keys": (p) => ({
      ...p,
      rules: [{ refs: ["*"], keys: [id], threshold: 2 }],
    }),
    "the same key twice for a threshold": (p) => ({
      ...p,
      rules: [{ refs: ["*"], keys: [id, id], threshold: 2 }],
    }),
    "a threshold of zero": (p) => ({ ...p, rules: [{ refs: ["*"], keys: [id], threshold: 0 }] }),
    "a duration of weeks": (p) => ({ ...p, skew: "P1W" }),
    "an unknown form": (p) => ({ ...p, rules: [{ refs: ["*"], keys: [id], forms: ["notation"] }] }),
    "an empty scope": (p) => ({ ...p, scope: "" }),
  };
  for (const [what, bend] of Object.entries(bent)) {
    it(`with ${what} is invalid`, async () => {
      const text = JSON.stringify(bend(good));
      const error = await fails(Promise.resolve().then(() => parsePolicy(text)), "invalid");
      assert.equal(error.reason, "policy_invalid");
    });
  }

  it("that names a member twice, or is no JSON, or very long, is invalid", async () => {
    const text = JSON.stringify(good);
    const bent = [text.replace("{", '{"version":1,'), "", "[]", "null", " ".repeat(2 << 20)];
    for (const one of bent) await fails(Promise.resolve().then(() => parsePolicy(one)), "invalid");
  });

  it("of keys alone trusts them with every name, each once", async () => {
    const policy = policyOfKeys([k.own, k.own, l.own], { threshold: 2 });
    assert.equal(ruleFor(policy, "anything").keys.length, 2);
    await fails(
      Promise.resolve().then(() => policyOfKeys([k.own, k.own], { threshold: 2 })),
      "invalid",
      /2 signatures of 1 keys/,
    );
  });

  it("is matched in time that many stars do not blow up", () => {
    const policy = policyOfKeys([k.own]);
    const rule = ruleFor(policy, "x");
    const stars = { ...policy, rules: [{ ...rule, refs: [`${"*a".repeat(50)}b`] }] };
    assert.equal(ruleFor(stars, "a".repeat(5000)).action, "reject");
  });
});
