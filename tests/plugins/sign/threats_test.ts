// What an attacker who can write every file of a layout tries, one script a row, and what a verifier says of it.
import assert from "node:assert/strict";
import { it } from "node:test";
import { copy, type Descriptor } from "../../../core/mod.ts";
import { base64, utf8 } from "../../../plugins/sign/bytes.ts";
import { signBytes } from "../../../plugins/sign/crypto.ts";
import { preAuthEncoding, printBundle } from "../../../plugins/sign/envelope.ts";
import { signHook } from "../../../plugins/sign/hook.ts";
import { canonicalJson } from "../../../plugins/sign/json.ts";
import type { Policy } from "../../../plugins/sign/policy.ts";
import { BUNDLE_TYPE } from "../../../plugins/sign/envelope.ts";
import { STATEMENT_TYPE } from "../../../plugins/sign/statement.ts";
import { verify } from "../../../plugins/sign/verify.ts";
import { findAll } from "../../../plugins/sign/find.ts";
import { fails } from "../../fails.ts";
import { jsonOf, pushAll, pushImage } from "../../images.ts";
import { everyLayout, type Place } from "../../layouts.ts";
import {
  annotatedWith,
  attack,
  DAY,
  memoryState,
  nameIn,
  NOW,
  type Pair,
  pair,
  reasonOf,
  signing,
  trusting,
  unsigned,
  verdictOf,
} from "./signing.ts";

const [k, l, m] = [pair(), pair("ecdsa-p256-sha256"), pair()];
const policy = trusting([k]);

/** A layout with these names, each of an image of its own, all signed. */
async function signed(
  place: Place,
  names: readonly string[],
  options: Parameters<typeof signing>[1] = {},
) {
  const layout = await place.open({ hooks: [signing(k, options)] });
  for (const name of names) await layout.tag(await pushImage(layout, name), name);
  return layout;
}

/** Edits the entry of a name. */
const editing =
  (name: string, edit: (entry: Descriptor) => Descriptor) => (entries: Descriptor[]) =>
    entries.map((one) => nameIn(one) === name ? edit(one) : one);

/** Whether any byte can be had by name. */
async function assertRefused(place: Place, name: string, policy: Policy, reason: string) {
  const hook = signHook({ policy, now: () => NOW });
  const layout = await place.open({ mode: "read", hooks: [hook] });
  const error = await fails(layout.fetchAll(name), "refused");
  assert.equal(error.reason, reason);
}

everyLayout("the threat table", (newPlace) => {
  it("A1, a blob swapped for another: corrupt", async () => {
    await using place = newPlace();
    const layout = await signed(place, ["v1"]);
    const { digest } = await layout.resolve("v1");
    // The manifest gone is the least that can be done to it everywhere.
    const backend = await place.backend();
    const seen = await backend.blobs.stat(digest);
    assert.ok(seen);
    await backend.blobs.delete([seen]);
    assert.equal(await reasonOf(place, "v1", policy), "corrupt_content");
  });

  it("A2, two signed names trade images: wrong_target, or wrong_ref with their annotations", async () => {
    await using place = newPlace();
    await signed(place, ["v1", "v2"]);
    const before = await place.read("index.json") ?? "";
    await attack(place, (entries) => {
      const [v1, v2] = ["v1", "v2"].map((name) => entries.find((one) => nameIn(one) === name));
      assert.ok(v1 && v2);
      const trade = (one: Descriptor, other: Descriptor) => ({
        ...one,
        digest: other.digest,
        size: other.size,
      });
      return [trade(v1, v2), trade(v2, v1)];
    });
    for (const name of ["v1", "v2"]) {
      assert.equal(await reasonOf(place, name, policy), "wrong_target");
      await assertRefused(place, name, policy, "wrong_target");
    }
    await place.write("index.json", before);
    await attack(place, (entries) =>
      entries.map((one) => {
        const name = nameIn(one);
        const ref = "org.opencontainers.image.ref.name";
        return name ? annotatedWith(one, { [ref]: name === "v1" ? "v2" : "v1" }) : one;
      }));
    for (const name of ["v1", "v2"]) assert.equal(await reasonOf(place, name, policy), "wrong_ref");
  });

  it("A3, an older index put back: rollback, for who remembers; not to be seen by anybody else", async () => {
    await using place = newPlace();
    const layout = await signed(place, ["v1"]);
    const old = await place.read("index.json");
    await layout.tag(await pushImage(layout, "new"), "v1");
    const state = memoryState();
    assert.equal(await reasonOf(place, "v1", policy, { state }), "ok");
    await place.write("index.json", old);
    const kept = state.text();
    assert.equal(await reasonOf(place, "v1", policy, { state }), "rollback");
    assert.equal(state.text(), kept);
    const { ok, warnings } = await verdictOf(place, "v1", policy);
    assert.equal(ok, true);
    assert.ok(warnings.some(({ code }) => code === "no_state"));
  });

  it("A4, an old index served for ever: expired, by its end or by its age", async () => {
    await using place = newPlace();
    await signed(place, ["v1"], { expires: "P90D" });
    assert.equal(await reasonOf(place, "v1", policy, { now: NOW + 89 * DAY }), "ok");
    assert.equal(await reasonOf(place, "v1", policy, { now: NOW + 90 * DAY }), "expired");
    const aged = { ...policy, rules: policy.rules.map((rule) => ({ ...rule, maxAge: 7 * DAY })) };
    assert.equal(await reasonOf(place, "v1", aged, { now: NOW + 8 * DAY }), "expired");
  });

  it("A5, names of different times put together: not to be seen, each was signed", async () => {
    await using place = newPlace();
    const layout = await signed(place, ["app", "lib"]);
    const old = JSON.parse(await place.read("index.json") ?? "{}").manifests as Descriptor[];
    await layout.tag(await pushImage(layout, "app 2"), "app");
    await layout.tag(await pushImage(layout, "lib 2"), "lib");
    await attack(
      place,
      (entries) =>
        entries.map((one) =>
          nameIn(one) === "lib" ? old.find((o) => nameIn(o) === "lib") ?? one : one
        ),
    );
    assert.equal(await reasonOf(place, "app", policy), "ok");
    assert.equal(await reasonOf(place, "lib", policy), "ok");
  });

  it("A6, a name taken away: removed, for who remembers", async () => {
    await using place = newPlace();
    await signed(place, ["v1", "v2"]);
    const state = memoryState();
    assert.equal(await reasonOf(place, "v1", policy, { state }), "ok");
    await attack(place, (entries) => entries.filter((one) => nameIn(one) !== "v1"));
    const found = await findAll(await place.open({ mode: "read" }), { policy, state });
    const gone = found.flatMap((one) => "verdict" in one ? [one.verdict] : []);
    assert.deepEqual(gone.map(({ name, reason }) => [name, reason]), [["v1", "removed"]]);
    assert.equal(await reasonOf(place, "v1", policy, { state }), "removed");
  });

  it("A7, a signature taken off: unsigned, or downgraded for who remembers", async () => {
    await using place = newPlace();
    await signed(place, ["v1"]);
    const state = memoryState();
    assert.equal(await reasonOf(place, "v1", policy, { state }), "ok");
    await attack(place, unsigned);
    assert.equal(await reasonOf(place, "v1", policy), "unsigned");
    assert.equal(await reasonOf(place, "v1", policy, { state }), "downgraded");
    const lax = { ...policy, rules: [], default: "accept" as const };
    assert.equal(await reasonOf(place, "v1", lax, { state }), "downgraded");
    assert.equal(await reasonOf(place, "v1", lax), "ok");
    await assertRefused(place, "v1", policy, "unsigned");
  });

  it("A8, a layout passed off as another: wrong_scope; without a scope in the policy for who remembers", async () => {
    await using place = newPlace();
    await signed(place, ["v1"]);
    assert.equal(await reasonOf(place, "v1", trusting([k], { scope: "elsewhere" })), "wrong_scope");
    const { scope: _, ...any } = policy;
    const state = memoryState();
    assert.equal(await reasonOf(place, "v1", any, { state }), "ok");
    const other = await place.open({ hooks: [signing(k, { scope: "other", renew: true })] });
    await other.transaction((tx) => tx.retag("v1"));
    assert.equal(await reasonOf(place, "v1", any, { state }), "wrong_scope");
  });

  it("A9, another description of the same digest: altered_descriptor", async () => {
    const changes: Readonly<Record<string, (one: Descriptor) => Descriptor>> = {
      mediaType: (one) => ({ ...one, mediaType: "application/vnd.oci.image.index.v1+json" }),
      size: (one) => ({ ...one, size: one.size + 1 }),
      platform: (one) => ({ ...one, platform: { os: "linux", architecture: "amd64" } }),
      artifactType: (one) => ({ ...one, artifactType: "application/x" }),
      urls: (one) => ({ ...one, urls: ["https://evil.example/"] }),
      data: (one) => ({ ...one, data: "e30=" }),
      "a signed annotation": (one) => annotatedWith(one, { team: "b" }),
    };
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    await layout.tag(await pushImage(layout, "a"), "v1", { annotations: { team: "a" } });
    const before = await place.read("index.json");
    for (const [what, change] of Object.entries(changes)) {
      await place.write("index.json", before);
      await attack(place, editing("v1", change));
      assert.equal(await reasonOf(place, "v1", policy), "altered_descriptor", what);
    }
    await place.write("index.json", before);
    await attack(place, editing("v1", (one) => annotatedWith(one, { extra: "x" })));
    const verdict = await verdictOf(place, "v1", policy);
    assert.ok(verdict.ok && verdict.warnings.some(({ code }) => code === "unsigned_annotation"));
    assert.equal(await reasonOf(place, "v1", { ...policy, strict: true }), "altered_descriptor");
    await place.write("index.json", before);
    await attack(place, editing("v1", (one) => annotatedWith(one, { team: undefined })));
    const less = await verdictOf(place, "v1", policy);
    assert.ok(less.ok && less.warnings.some(({ code }) => code === "incomplete_entry"));
    assert.equal(await reasonOf(place, "v1", { ...policy, strict: true }), "altered_descriptor");
  });

  it("A10, a name that stands twice, even for the same digest: ambiguous", async () => {
    await using place = newPlace();
    const layout = await signed(place, ["v1"]);
    await attack(
      place,
      (entries) => [...entries, ...entries.filter((one) => nameIn(one) === "v1")],
    );
    assert.equal(await reasonOf(place, "v1", policy), "ambiguous");
    await assertRefused(place, "v1", policy, "ambiguous");
    await fails(layout.transaction((tx) => tx.retag("v1")), "ambiguous");
  });

  it("A11, annotations copied to another name: wrong_ref", async () => {
    await using place = newPlace();
    const layout = await signed(place, ["v1"]);
    const plain = await place.open();
    await plain.tag(await pushImage(layout, "v2"), "v2");
    await plain.tag("v1", "v3");
    await attack(place, (entries) => {
      const v1 = entries.find((one) => nameIn(one) === "v1");
      return entries.map((one) => {
        if (nameIn(one) !== "v2") return one;
        const bound = Object.entries(v1?.annotations ?? {}).filter(([key]) =>
          key.includes("binding")
        );
        return annotatedWith(one, Object.fromEntries(bound));
      });
    });
    assert.equal(await reasonOf(place, "v2", policy), "wrong_ref");
    assert.equal(await reasonOf(place, "v3", policy), "wrong_ref");
  });

  it("A12, a stolen key: threshold, notAfter, lastSequence, or a policy without it", async () => {
    await using place = newPlace();
    await signed(place, ["v1"]);
    const two = trusting([k, l]);
    const both = { ...two, rules: two.rules.map((rule) => ({ ...rule, threshold: 2 })) };
    assert.equal(await reasonOf(place, "v1", both), "threshold");
    const limited = (more: object) => ({
      ...policy,
      rules: policy.rules.map((rule) => ({ ...rule, keys: [{ key: k.own, ...more }] })),
    });
    assert.equal(await reasonOf(place, "v1", limited({ notAfter: NOW })), "key_not_valid");
    assert.equal(await reasonOf(place, "v1", limited({ notBefore: NOW + 1 })), "key_not_valid");
    assert.equal(
      await reasonOf(place, "v1", limited({ lastSequence: { "*": 0 } })),
      "key_not_valid",
    );
    assert.equal(
      await reasonOf(place, "v1", limited({ lastSequence: { v2: 5 } })),
      "key_not_valid",
    );
    assert.equal(await reasonOf(place, "v1", limited({ lastSequence: { v1: 1 } })), "ok");
    assert.equal(await reasonOf(place, "v1", trusting([l])), "untrusted_key");
  });

  it("A13, two histories of the same sequence: fork, for who remembers, or who sees both", async () => {
    await using place = newPlace();
    const layout = await signed(place, ["v1"]);
    const state = memoryState();
    assert.equal(await reasonOf(place, "v1", policy, { state }), "ok");
    const kept = state.text();
    await using twin = newPlace();
    const other = await twin.open({ hooks: [signing(k, { now: () => NOW + 1000 })] });
    await copy(layout, "v1", await twin.open());
    await attack(twin, unsigned);
    await other.transaction((tx) => tx.retag("v1"));
    const forged = (await other.resolve("v1")).annotations?.["dev.stowage.binding"] ?? "";
    const replaced = { ...policy, scope: policy.scope ?? "" };
    assert.equal(await reasonOf(twin, "v1", replaced, { state, now: NOW + 2000 }), "fork");
    assert.equal(state.text(), kept);
    await attack(
      place,
      editing("v1", (one) =>
        annotatedWith(one, {
          "dev.stowage.binding.2": forged,
          "dev.stowage.binding.ref": undefined,
        })),
    );
    assert.equal(await reasonOf(place, "v1", policy, { now: NOW + 2000 }), "fork");
  });

  it("A14, endless data and annotations of 10 MB: malformed, and not even read", async () => {
    await using place = newPlace();
    await signed(place, ["v1"]);
    const before = await place.read("index.json");
    for (const length of [(64 << 10) + 1, 10_000_000]) {
      await place.write("index.json", before);
      await attack(
        place,
        (entries) =>
          unsigned(entries).map((one) =>
            annotatedWith(one, { "dev.stowage.binding": "x".repeat(length) })
          ),
      );
      assert.equal(await reasonOf(place, "v1", policy), "malformed");
    }
    await place.write("index.json", before);
    const layout = await place.open();
    const { descriptor } = await layout.push({}, utf8("y".repeat(300 << 10)));
    await attack(
      place,
      (entries) =>
        unsigned(entries).map((one) =>
          annotatedWith(one, { "dev.stowage.binding.ref": descriptor.digest })
        ),
    );
    const index = await layout.index();
    const reading = {
      url: layout.url,
      index,
      blobs: layout.store.backend.blobs,
      fetchAll: () => assert.fail("it was fetched"),
    };
    const [entry] = index.manifests;
    assert.ok(entry);
    assert.equal((await verify(reading, entry, "v1", { policy, now: NOW })).reason, "malformed");
  });

  it("A15, a provenance passed off as approval: wrong_predicate", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const image = await pushImage(layout, "a");
    await layout.tag(image, "v1");
    const statement = canonicalJson({
      _type: "https://in-toto.io/Statement/v1",
      predicateType: "https://spdx.dev/Document",
      predicate: {},
      subject: [{ name: "v1", digest: { sha256: image.digest.slice(7) } }],
    });
    const signature = signBytes("ed25519", k.key, preAuthEncoding(STATEMENT_TYPE, statement));
    const bundle = printBundle(statement, signature, k.own.hint);
    const { descriptor: layer } = await layout.push({ mediaType: BUNDLE_TYPE }, bundle);
    const { descriptor: config } = await layout.push({}, utf8("{}"));
    const manifest = jsonOf({
      schemaVersion: 2,
      artifactType: BUNDLE_TYPE,
      config,
      layers: [layer],
      subject: image,
    }, "application/vnd.oci.image.manifest.v1+json");
    await pushAll(layout, manifest);
    await layout.transaction((tx) => tx.insert(manifest.descriptor));
    assert.equal(await reasonOf(place, "v1", policy), "wrong_predicate");
  });

  it("a key that is not trusted, a wrong signature, raw r and s, and a changed byte: told apart", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(l)] });
    await layout.tag(await pushImage(layout, "a"), "v1");
    const ec = trusting([l]);
    assert.equal(await reasonOf(place, "v1", policy), "untrusted_key");
    const before = await place.read("index.json");
    const text = (await layout.resolve("v1")).annotations?.["dev.stowage.binding"] ?? "";
    const bundle = JSON.parse(text);
    const resigned = (sig: string) => {
      const changed = structuredClone(bundle);
      changed.dsseEnvelope.signatures[0].sig = sig;
      return JSON.stringify(changed);
    };
    const { sig } = bundle.dsseEnvelope.signatures[0];
    const der = Uint8Array.from(atob(sig), (char) => char.charCodeAt(0));
    const cases = [
      resigned(base64(new Uint8Array(64).fill(1))),
      resigned(base64(Uint8Array.of(...der, 0))),
      resigned(base64(der.with(der.length - 1, (der.at(-1) ?? 0) ^ 1))),
    ];
    for (const changed of cases) {
      await place.write("index.json", before);
      await attack(
        place,
        (entries) =>
          unsigned(entries).map((one) => annotatedWith(one, { "dev.stowage.binding": changed })),
      );
      assert.equal(await reasonOf(place, "v1", ec), "bad_signature");
    }
  });

  it("every byte of a signed entry counts, but for the time it was tagged", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k)] });
    await layout.tag(await pushImage(layout, "a"), "v1", { annotations: { team: "a" } });
    await attack(
      place,
      (entries) =>
        entries.filter((one) => nameIn(one)).map((one) =>
          annotatedWith(one, { "dev.stowage.tagged": undefined })
        ),
    );
    const index = JSON.parse(await place.read("index.json") ?? "");
    const entry = JSON.stringify(index.manifests[0]);
    const strict = { ...policy, strict: true };
    const reading = async (text: string) => {
      const one = JSON.parse(text) as Descriptor;
      const store = layout.store;
      return await verify(
        {
          url: layout.url,
          index: { ...index, manifests: [one] },
          // Every other copy of the binding is gone.
          blobs: { ...store.backend.blobs, stat: () => Promise.resolve(undefined) },
          fetchAll: (digest) => layout.fetchAll(digest),
        },
        one,
        "v1",
        { policy: strict, now: NOW },
      );
    };
    assert.equal((await reading(entry)).ok, true);
    for (let at = 0; at < entry.length; at++) {
      const changed = entry.slice(0, at) + String.fromCharCode(entry.charCodeAt(at) ^ 1) +
        entry.slice(at + 1);
      let ok = false;
      try {
        ok = (await reading(changed)).ok;
      } catch (error) {
        // No JSON any more, or no descriptor: nothing resolves to it.
        assert.ok(error instanceof Error);
      }
      assert.equal(ok, false, `byte ${at}: ${changed.slice(Math.max(0, at - 20), at + 20)}`);
    }
  });

  it("two of three keys with one bad signature pass, with two bad ones fail, and it says which", async () => {
    await using place = newPlace();
    const sign = async (one: Pair, keys: readonly Pair[]) => {
      const layout = await place.open({
        hooks: [signing(one, { keys: keys.map(({ own }) => own) })],
      });
      if (keys.length === 0) await layout.tag(await pushImage(layout, "a"), "v1");
      else await layout.transaction((tx) => tx.retag("v1"));
    };
    await sign(k, []);
    await sign(l, [k]);
    await sign(m, [k]);
    const three = trusting([k, l, m]);
    const two = { ...three, rules: three.rules.map((rule) => ({ ...rule, threshold: 2 })) };
    assert.equal((await verdictOf(place, "v1", two)).keys.length, 3);
    const spoil = (one: Descriptor, key: string) => {
      const bundle = JSON.parse(one.annotations?.[key] ?? "");
      bundle.dsseEnvelope.signatures[0].sig = base64(new Uint8Array(64));
      return annotatedWith(one, {
        [key]: JSON.stringify(bundle),
        "dev.stowage.binding.ref": undefined,
      });
    };
    const only = (entries: Descriptor[]) => entries.filter((one) => nameIn(one));
    await attack(
      place,
      (entries) => only(entries).map((one) => spoil(one, "dev.stowage.binding.3")),
    );
    const passed = await verdictOf(place, "v1", two);
    assert.deepEqual([passed.ok, passed.keys.length], [true, 2]);
    assert.ok(passed.warnings.some(({ code }) => code === "bad_signature"));
    await attack(
      place,
      (entries) => only(entries).map((one) => spoil(one, "dev.stowage.binding.2")),
    );
    const failed = await verdictOf(place, "v1", two);
    assert.equal(failed.reason, "threshold");
    assert.match(failed.message ?? "", /^1 of 2 keys/);
    for (const { own } of [l, m]) {
      assert.match(failed.message ?? "", new RegExp(`${own.id} is wrong`));
    }
  });

  it("a policy refuses a copy before a byte is written", async () => {
    await using place = newPlace();
    await signed(place, ["v1"]);
    await attack(place, unsigned);
    const from = await place.open({ mode: "read", hooks: [signHook({ policy, now: () => NOW })] });
    await using other = newPlace();
    const to = await other.open();
    const before = await other.snapshot();
    for (const what of ["v1", undefined]) {
      assert.equal((await fails(copy(from, what, to), "refused")).reason, "unsigned");
    }
    assert.deepEqual(await other.snapshot(), before);
    assert.equal((await Array.fromAsync(to.walk())).length, 0);
  });

  it("what was verified is what is read on, though the index is swapped meanwhile", async () => {
    await using place = newPlace();
    const layout = await signed(place, ["v1"]);
    const evil = await pushImage(layout, "evil");
    const verified = (await layout.resolve("v1")).digest;
    const inner = signHook({ policy, now: () => NOW });
    const hook = {
      ...inner,
      async beforeRead(...args: Parameters<NonNullable<typeof inner.beforeRead>>) {
        await inner.beforeRead?.(...args);
        await attack(
          place,
          editing("v1", (one) => ({ ...one, digest: evil.digest, size: evil.size })),
        );
      },
    };
    const reader = await place.open({ mode: "read", hooks: [hook] });
    const bytes = await reader.fetchAll("v1");
    assert.deepEqual(bytes, await layout.fetchAll(verified));
    assert.equal(await reasonOf(place, "v1", policy), "wrong_target");
  });
});
