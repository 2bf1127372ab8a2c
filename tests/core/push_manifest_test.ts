import assert from "node:assert/strict";
import { it } from "node:test";
import { type Descriptor, INDEX_TYPE, type Layout, MANIFEST_TYPE } from "../../core/mod.ts";
import { digestTag } from "../../core/referrers.ts";
import { fails } from "../fails.ts";
import { blobOf, imageOf, indexOf, jsonOf, pushAll, pushImage, utf8 } from "../images.ts";
import { everyLayout } from "../layouts.ts";

const absent = blobOf("not stored").descriptor;
const SBOM = "application/spdx+json";
const digests = (list: readonly Descriptor[]) => list.map(({ digest }) => digest);

/** Pushes a referrer of a subject, listed without a name. */
async function refer(layout: Layout, text: string, subject: Descriptor, artifactType = SBOM) {
  const image = imageOf(text, { subject, artifactType });
  await pushAll(layout, image.config, image.layer);
  return await layout.pushManifest(image.bytes);
}

everyLayout("pushing a manifest", (place) => {
  it("without a name lists it once, its bytes verbatim", async () => {
    await using there = place();
    const layout = await there.open();
    const { config, layer, descriptor } = imageOf("one");
    const json = { schemaVersion: 2, config: config.descriptor, layers: [layer.descriptor] };
    const bytes = utf8(JSON.stringify(json, undefined, 3) + "\n");
    await pushAll(layout, config, layer);
    const pushed = [await layout.pushManifest(bytes), await layout.pushManifest(bytes)];
    assert.deepEqual(pushed[0], pushed[1]);
    assert.equal(pushed[0]?.mediaType, descriptor.mediaType);
    assert.deepEqual(await layout.fetchAll(pushed[0] ?? ""), new Uint8Array(bytes));
    assert.deepEqual((await layout.index()).manifests, [pushed[0]]);
  });

  it("with names sets them, with annotations and in sha512 as asked", async () => {
    await using there = place();
    const layout = await there.open();
    const { config, layer, bytes } = imageOf("one");
    await pushAll(layout, config, layer);
    const entry = await layout.pushManifest(bytes, {
      ref: ["v1", "latest"],
      annotations: { a: "b" },
      algorithm: "sha512",
    });
    assert.match(entry.digest, /^sha512:/);
    assert.deepEqual(entry, await layout.resolve("v1"));
    assert.equal(entry.annotations?.["a"], "b");
    assert.deepEqual((await layout.references()).map(({ name }) => name), ["latest", "v1"]);
    await fails(layout.pushManifest(bytes, { ref: "v1", expect: null }), "already_exists");
    await fails(layout.pushManifest(bytes, { ref: "" }), "invalid");
  });

  it("takes the media type from the option, else the member, else the shape; the two must agree", async () => {
    await using there = place();
    const layout = await there.open();
    const config = blobOf("{}");
    await pushAll(layout, config);
    const docker = "application/vnd.docker.distribution.manifest.v2+json";
    const shaped = (more: object) =>
      utf8(JSON.stringify({ config: config.descriptor, layers: [], ...more }));
    const typed = async (bytes: Uint8Array, mediaType?: string) =>
      (await layout.pushManifest(bytes, mediaType ? { mediaType } : {})).mediaType;
    assert.equal(await typed(shaped({})), MANIFEST_TYPE);
    assert.equal(await typed(utf8('{"manifests":[]}')), INDEX_TYPE);
    assert.equal(await typed(shaped({ mediaType: docker })), docker);
    assert.equal(await typed(shaped({ n: 1 }), docker), docker);
    await fails(typed(shaped({ mediaType: docker }), MANIFEST_TYPE), "invalid");
    await fails(typed(utf8("{}")), "invalid");
    await fails(typed(utf8('{"layers":[]}'), MANIFEST_TYPE), "invalid");
    await fails(typed(utf8("not JSON")), "invalid");
  });

  it("not listed is stored only, unless it has a subject", async () => {
    await using there = place();
    const layout = await there.open();
    const child = imageOf("child");
    await pushAll(layout, child.config, child.layer);
    await layout.pushManifest(child.bytes, { list: false });
    assert.deepEqual((await layout.index()).manifests, []);
    const { config, layer, bytes } = imageOf("referrer", { subject: child.descriptor });
    await pushAll(layout, config, layer);
    const { digest } = await layout.pushManifest(bytes, { list: false });
    assert.deepEqual((await layout.index()).manifests.map((entry) => entry.digest), [digest]);
  });

  it("needs what it holds: not_found, stored and not listed; sparse is declared if so asked", async () => {
    await using there = place();
    const layout = await there.open();
    const { bytes, descriptor } = imageOf("one");
    await fails(layout.pushManifest(bytes), "not_found");
    await fails(layout.pushManifest(bytes, { ref: "v1" }), "not_found");
    assert.deepEqual((await layout.index()).manifests, []);
    assert.equal(await layout.exists(descriptor.digest), true);
    await layout.pushManifest(bytes, { sparse: true });
    assert.match(await there.read(".stowage/layout.json") ?? "", /"sparse":true/);
  });

  it("of more than 4 MiB is size_exceeded, nothing stored", async () => {
    await using there = place();
    const layout = await there.open();
    const bytes = utf8(JSON.stringify({ manifests: [], pad: "x".repeat(4 << 20) }));
    await fails(layout.pushManifest(bytes), "size_exceeded");
    assert.deepEqual(await Array.fromAsync(layout.walk()), []);
  });
});

everyLayout("a fallback tag", (place) => {
  it("that exists is kept current, of other members nothing lost; none is made unasked", async () => {
    await using there = place();
    const layout = await there.open();
    const subject = await pushImage(layout, "subject");
    const tag = digestTag(subject.digest);
    const first = await refer(layout, "first", subject);
    await fails(layout.resolve(tag), "not_found");
    const index = jsonOf({
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests: [first],
      annotations: { of: "others" },
    }, INDEX_TYPE);
    await pushAll(layout, index);
    await layout.tag(index.descriptor, tag);
    const second = await refer(layout, "second", subject);
    await refer(layout, "second", subject);
    const { digest } = await layout.resolve(tag);
    assert.deepEqual(digests(await layout.children(digest)), digests([first, second]));
    const text = new TextDecoder().decode(await layout.fetchAll(digest));
    assert.deepEqual(JSON.parse(text).annotations, { of: "others" });
    assert.equal(JSON.parse(text).manifests[1].artifactType, SBOM);
    assert.deepEqual(digests(await layout.referrers(subject.digest)), digests([first, second]));
  });

  it("is made if asked for, and drops what is not stored", async () => {
    await using there = place();
    const layout = await there.open();
    const subject = await pushImage(layout, "subject");
    const tag = digestTag(subject.digest);
    const { config, layer, bytes, descriptor } = imageOf("referrer", { subject });
    await pushAll(layout, config, layer);
    await layout.pushManifest(bytes, { fallbackTags: true });
    assert.deepEqual(digests(await layout.children(tag)), [descriptor.digest]);
    const stale = indexOf([{ ...absent, mediaType: MANIFEST_TYPE }]);
    await pushAll(layout, stale);
    await layout.transaction(async (tx) => {
      const { manifests } = tx.index;
      assert.ok(manifests.length > 0);
      await tx.tag(stale.descriptor, tag, { sparse: true });
    });
    const other = await refer(layout, "other", subject);
    assert.deepEqual(digests(await layout.children(tag)), [other.digest]);
  });

  it("that is cosign's manifest, or of something else, is left alone", async () => {
    await using there = place();
    const layout = await there.open();
    const subject = await pushImage(layout, "subject");
    const own = await pushImage(layout, "own");
    await layout.tag(own, digestTag(subject.digest));
    await refer(layout, "referrer", subject);
    assert.equal((await layout.resolve(digestTag(subject.digest))).digest, own.digest);
  });
});
