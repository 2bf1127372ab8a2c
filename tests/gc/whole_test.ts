// Images as they are in the wild: platforms, attestations, signatures in every convention, layers that are shared. They
// survive as a whole, or go as a whole.
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Descriptor, INDEX_TYPE, type Layout } from "../../core/mod.ts";
import { keepAll } from "../../plugins/gc/policy.ts";
import { undo } from "../../plugins/gc/undo.ts";
import {
  type Blobbed,
  blobOf,
  CONFIG_TYPE,
  imageOf,
  indexOf,
  jsonOf,
  LAYER_TYPE,
  pushAll,
} from "../images.ts";
import { everyLayout } from "../layouts.ts";
import { collectIn, danglingIn, list, listedIn, storedIn } from "./collecting.ts";

const base = blobOf("the layer that all share", LAYER_TYPE);
const { mediaType: IMAGE } = imageOf("").descriptor;
const tagOf = ({ descriptor: { digest } }: Blobbed, more: string) =>
  `${digest.replace(":", "-")}${more}`;

/** An image of the shared layer and one of its own. */
function platformImage(text: string): { manifest: Blobbed; parts: Blobbed[] } {
  const config = jsonOf({ os: "linux", architecture: text }, CONFIG_TYPE);
  const layer = blobOf(`layer of ${text}`, LAYER_TYPE);
  const layers = [base.descriptor, layer.descriptor];
  const body = { schemaVersion: 2, mediaType: IMAGE, config: config.descriptor, layers };
  return { manifest: jsonOf(body, IMAGE), parts: [config, layer] };
}

/** A release as build tools and signers leave it: what it is made of, and how it is listed. */
function release(name: string) {
  const blobs: Blobbed[] = [];
  const entries: [Descriptor, string | undefined][] = [];
  const add = (text: string, parts: Parameters<typeof imageOf>[1] = {}) => {
    const image = imageOf(`${text} of ${name}`, parts);
    blobs.push(image.config, image.layer, image);
    return image;
  };
  const platforms = ["amd64", "arm64"].map((architecture) => {
    const { manifest, parts } = platformImage(`${architecture} ${name}`);
    blobs.push(...parts, manifest);
    return { ...manifest.descriptor, platform: { os: "linux", architecture } };
  });
  // BuildKit: an attestation beside each platform, tied to it by an annotation.
  const attestations = platforms.map(({ digest, platform }) => ({
    ...add(`attestation for ${platform.architecture}`).descriptor,
    platform: { os: "unknown", architecture: "unknown" },
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": digest,
    },
  }));
  const index = indexOf([...platforms, ...attestations]);
  blobs.push(index);
  entries.push([index.descriptor, name]);
  // cosign: tags for the index, and with --recursive for each platform.
  const [amd64] = platforms;
  assert.ok(amd64);
  for (const more of [".sig", ".att", ".sbom"]) {
    entries.push([add(`index ${more}`).descriptor, tagOf(index, more)]);
  }
  const child = { descriptor: amd64, bytes: index.bytes };
  entries.push([add("child .sig").descriptor, tagOf(child, ".sig")]);
  // oras and cosign 3: referrers, listed and not; one of a child, one of a referrer.
  const sbom = add("sbom", { subject: index.descriptor, artifactType: "application/spdx+json" });
  entries.push([sbom.descriptor, undefined]);
  const bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
  add("unlisted bundle", { subject: sbom.descriptor, artifactType: bundle });
  const scan = add("scan", { subject: amd64, artifactType: "application/sarif+json" });
  entries.push([scan.descriptor, undefined]);
  // regctl: an index under the fallback tag.
  const fallback = indexOf([sbom.descriptor], INDEX_TYPE);
  blobs.push(fallback);
  entries.push([fallback.descriptor, tagOf(index, "")]);
  // containerd: a referrer by annotation alone.
  const note = add("note");
  const annotations = { "io.containerd.manifest.subject": amd64.digest };
  entries.push([{ ...note.descriptor, annotations }, undefined]);
  return { blobs, entries, index };
}

async function publish(layout: Layout, { blobs, entries }: ReturnType<typeof release>) {
  await pushAll(layout, ...blobs);
  for (const [entry, name] of entries) await list(layout, entry, name);
}

const digestsOf = (...all: readonly (readonly Blobbed[])[]) =>
  [...new Set([base, ...all.flat()].map(({ descriptor }) => descriptor.digest))].sort();

everyLayout("a release of platforms, attestations, signatures and referrers", (fresh) => {
  const policy = { ...keepAll, maxDrop: 100, rules: [{ refs: ["v*"], keepSemver: ">=2" }] };

  it("stays as a whole; the one that a rule drops goes as a whole, but for what they share", async () => {
    await using place = fresh();
    const layout = await place.open();
    const [old, now] = [release("v1.0.0"), release("v2.0.0")];
    await pushAll(layout, base);
    await publish(layout, old);
    await publish(layout, now);
    const listed = await listedIn(layout);
    const { plan } = await collectIn(place, { policy });
    assert.deepEqual(await storedIn(layout), digestsOf(now.blobs));
    const names = now.entries.map(([{ digest }, name]) => name ?? digest);
    assert.deepEqual(await listedIn(layout), names.sort());
    assert.deepEqual([plan.drops.length, await danglingIn(layout)], [old.entries.length, []]);
    assert.equal((await collectIn(place, { policy })).removed.length, 0);

    await undo(layout.store);
    assert.deepEqual(await listedIn(layout), listed);
    assert.deepEqual(await storedIn(layout), digestsOf(old.blobs, now.blobs));
    assert.deepEqual(await danglingIn(layout), []);
  });

  it("goes whole when its name is taken away, and leaves the layer that another needs", async () => {
    await using place = fresh();
    const layout = await place.open();
    const [one, other] = [release("v1"), release("v2")];
    await pushAll(layout, base);
    await publish(layout, one);
    await publish(layout, other);
    await layout.untag("v1");
    await collectIn(place);
    assert.deepEqual(await storedIn(layout), digestsOf(other.blobs));
    await layout.untag("v2");
    await collectIn(place);
    assert.deepEqual([await storedIn(layout), await listedIn(layout)], [[], []]);
  });

  it("keeps a platform that has a name of its own, with what refers to it, when the rest goes", async () => {
    await using place = fresh();
    const layout = await place.open();
    const one = release("v1");
    await pushAll(layout, base);
    await publish(layout, one);
    const { descriptor } = platformImage("amd64 v1").manifest;
    await layout.tag(descriptor, "stable");
    await layout.untag("v1");
    await collectIn(place);
    assert.deepEqual(await danglingIn(layout), []);
    const listed = await listedIn(layout);
    assert.ok(listed.includes("stable") && listed.includes(tagOf({ ...base, descriptor }, ".sig")));
    const referrers = (await layout.referrers(descriptor.digest)).map(({ artifactType }) =>
      artifactType
    );
    assert.ok(referrers.includes("application/sarif+json"), `${referrers}`);
    assert.ok(!(await storedIn(layout)).includes(one.index.descriptor.digest));
  });
});
