import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf, isOciError, named, REF_NAME } from "../../../core/mod.ts";
import { fromBase64, utf8 } from "../../../plugins/sign/bytes.ts";
import { printLegacy, readLegacy, SIGNATURE } from "../../../plugins/sign/legacy.ts";
import type { Policy } from "../../../plugins/sign/policy.ts";
import { jsonOf, pushAll, pushImage } from "../../images.ts";
import { everyLayout } from "../../layouts.ts";
import {
  attack,
  nameIn,
  NOW,
  pair,
  reasonOf,
  SCOPE,
  signing,
  trusting,
  unsigned,
} from "./signing.ts";
import * as vectors from "./vectors.ts";

const [k, l] = [pair(), pair("ecdsa-p256-sha256")];

/** A policy that takes nothing but what older cosign wrote. */
const legacyOf = (policy: Policy): Policy => ({
  ...policy,
  rules: policy.rules.map((rule) => ({ ...rule, forms: ["cosign-legacy"] as const })),
});

describe("legacy payloads", () => {
  it("are the same bytes for ever, as Go prints them", () => {
    const payload = printLegacy(vectors.V1, "registry.example/team/app:v1");
    assert.equal(payload.length, 352);
    assert.equal(
      digestOf(payload),
      "sha256:0eec59737dd25c3a9761981eabb46f1dded008baa9272c400afa2d0785728388",
    );
    const strange = new TextDecoder().decode(printLegacy({ ...vectors.V1, ref: "<&>\u2028" }, "r"));
    assert.match(strange, /"\\u003c\\u0026\\u003e\\u2028"/);
    assert.equal(readLegacy(utf8(strange)).ref, "<&>\u2028");
  });

  it("of cosign itself are read, those that are bent are not", () => {
    const digest = vectors.IMAGE.digest;
    const critical = (image: object, type = "cosign container image signature") =>
      JSON.stringify({
        critical: { identity: { "docker-reference": "" }, image, type },
        optional: null,
      });
    const good = critical({ "docker-manifest-digest": digest });
    assert.equal(readLegacy(utf8(good)).digest, digest);
    const bent = [
      critical({ "Docker-manifest-digest": digest }),
      critical({ "docker-manifest-digest": digest.toUpperCase() }),
      critical({ "docker-manifest-digest": digest }, "atomic container signature"),
      good.replace('"optional":null', '"optional":null,"more":1'),
      good.replace('"optional":null', '"optional":{"timestamp":1.5}'),
      good.replace('"optional":null', '"optional":{"creator":1}'),
      good.replace(',"optional":null', ""),
      `${good} `.repeat(2),
    ];
    for (const text of bent) {
      assert.throws(
        () => readLegacy(utf8(text)),
        (error) => isOciError(error) && error.reason === "malformed",
        text,
      );
    }
  });
});

everyLayout("legacy signatures", (newPlace) => {
  it("lie under a tag of the digest, a layer each, none twice, and the first stays as it was", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k, { legacy: true })] });
    const image = await pushImage(layout, "a");
    await layout.tag(image, ["v1", "v2"]);
    const tag = `${image.digest.replace(":", "-")}.sig`;
    const layers = async () => (await layout.children(tag)).slice(1);
    const before = await layers();
    assert.equal(before.length, 2);
    await layout.transaction((tx) => tx.retag("v1"));
    assert.deepEqual(await layers(), before);
    const second = await place.open({ hooks: [signing(l, { legacy: true, keys: [k.own] })] });
    await second.transaction((tx) => tx.retag("v1"));
    const after = await layers();
    assert.deepEqual(after.slice(0, 2), before);
    assert.equal(after.length, 3);
    for (const [at, { own }] of [k, k, l].entries()) {
      const layer = after[at];
      assert.ok(layer);
      const signature = fromBase64(layer.annotations?.[SIGNATURE] ?? "");
      assert.ok(signature && own.verify(await layout.fetchAll(layer), signature));
    }
    await attack(place, (entries) => [...unsigned(entries)]);
    assert.equal(await reasonOf(place, "v1", legacyOf(trusting([k]))), "ok");
    assert.equal(await reasonOf(place, "v1", legacyOf(trusting([l]))), "ok");
    assert.equal(await reasonOf(place, "v1", trusting([k])), "unsigned");
  });

  it("of another image, another name, or by another key do not count", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k, { legacy: true })] });
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    await layout.tag(a, "v1");
    await layout.tag(b, "v2");
    const policy = legacyOf(trusting([k]));
    assert.equal(await reasonOf(place, "v1", policy), "ok");
    assert.equal(await reasonOf(place, "v1", legacyOf(trusting([l]))), "untrusted_key");
    const tags = [a, b].map(({ digest }) => `${digest.replace(":", "-")}.sig`);
    await attack(place, (entries) =>
      entries.map((one) => {
        const at = tags.indexOf(nameIn(one) ?? "");
        const name = tags[1 - at] ?? "";
        return at < 0 ? one : { ...one, annotations: { [REF_NAME]: name } };
      }));
    assert.equal(await reasonOf(place, "v1", policy), "wrong_ref");
    const [entry] = named(await layout.index(), "v1");
    assert.ok(entry);
    await attack(
      place,
      (entries) =>
        entries.map((one) =>
          nameIn(one) === "v1" ? { ...entry, digest: b.digest, size: b.size } : one
        ),
    );
    assert.equal(await reasonOf(place, "v1", policy, { now: NOW }), "wrong_target");
  });

  it("without a signature in their layer are malformed", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const image = await pushImage(layout, "a");
    await layout.tag(image, "v1");
    const { descriptor: layer } = await layout.push(
      { mediaType: "application/vnd.dev.cosign.simplesigning.v1+json" },
      printLegacy({ ...vectors.V1, target: image }, SCOPE),
    );
    const { descriptor: config } = await layout.push({}, utf8("{}"));
    const manifest = jsonOf(
      { schemaVersion: 2, config, layers: [layer] },
      "application/vnd.oci.image.manifest.v1+json",
    );
    await pushAll(layout, manifest);
    await layout.tag(manifest.descriptor, `${image.digest.replace(":", "-")}.sig`);
    assert.equal(await reasonOf(place, "v1", legacyOf(trusting([k]))), "malformed");
  });

  it("an index under the bare tag of the digest lists signatures for who looks there", async () => {
    await using place = newPlace();
    const layout = await place.open({ hooks: [signing(k, { referrersTag: true })] });
    const image = await pushImage(layout, "a");
    await layout.tag(image, "v1");
    const tag = image.digest.replace(":", "-");
    const listed = await layout.children(tag);
    assert.deepEqual(listed.map(({ artifactType }) => artifactType), [
      "application/vnd.dev.sigstore.bundle.v0.3+json",
    ]);
    await layout.transaction((tx) => tx.retag("v1"));
    assert.deepEqual(await layout.children(tag), listed);
    // That index alone is enough to find the signature again.
    await attack(place, unsigned);
    assert.equal(await reasonOf(place, "v1", trusting([k])), "ok");
  });
});
