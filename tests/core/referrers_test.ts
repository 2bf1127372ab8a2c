import assert from "node:assert/strict";
import { it } from "node:test";
import {
  type Descriptor,
  IMAGE_NAME,
  INDEX_TYPE,
  type Layout,
  MANIFEST_TYPE,
  REF_NAME,
} from "../../core/mod.ts";
import { digestTag } from "../../core/referrers.ts";
import { put } from "../contract/suite.ts";
import { fails } from "../fails.ts";
import { blobOf, imageOf, indexOf, jsonOf, pushAll, pushImage, utf8 } from "../images.ts";
import { everyLayout } from "../layouts.ts";

const SBOM = "application/spdx+json";
const SIGNATURE = "application/vnd.example.signature";
const SUBJECT = "io.containerd.manifest.subject";
const absent = blobOf("not stored").descriptor;

const digests = (list: readonly Descriptor[]) => list.map(({ digest }) => digest);

/** Pushes a referrer of a subject, listed without a name. */
async function refer(layout: Layout, text: string, subject: Descriptor, artifactType = SBOM) {
  const image = imageOf(text, { subject, artifactType });
  await pushAll(layout, image.config, image.layer);
  return await layout.pushManifest(image.bytes);
}

everyLayout("referrers", (place) => {
  it("of a subject are told by subject, by fallback tag and by annotation, each once, in index order", async () => {
    await using there = place();
    const layout = await there.open();
    const subject = await pushImage(layout, "subject");
    const first = await refer(layout, "by subject", subject);
    const tagged = await pushImage(layout, "by tag", { subject });
    const index = indexOf([tagged, first]);
    await pushAll(layout, index);
    await layout.tag(index.descriptor, digestTag(subject.digest));
    const annotated = await pushImage(layout, "by annotation");
    await layout.tag({ ...annotated, annotations: { [SUBJECT]: subject.digest } }, "sig");
    const found = await layout.referrers(subject.digest);
    assert.deepEqual(digests(found), digests([first, tagged, annotated]));
    assert.deepEqual(await layout.referrers(tagged.digest), []);
    assert.deepEqual(await layout.referrers(absent.digest), []);
  });

  it("are described by media type, size, annotations and type: the member, else the config's", async () => {
    await using there = place();
    const layout = await there.open();
    const subject = await pushImage(layout, "subject");
    const typed = imageOf("typed", { subject, artifactType: SBOM });
    const plain = jsonOf({
      mediaType: MANIFEST_TYPE,
      config: typed.config.descriptor,
      layers: [],
      annotations: { made: "today" },
      subject,
    }, MANIFEST_TYPE);
    await pushAll(layout, typed.config, typed.layer, typed, plain);
    await layout.tag({ ...typed.descriptor, annotations: { of: "the entry" } }, "typed");
    await layout.pushManifest(plain.bytes);
    assert.deepEqual(await layout.referrers(subject.digest), [
      { ...typed.descriptor, artifactType: SBOM },
      {
        ...plain.descriptor,
        annotations: { made: "today" },
        artifactType: typed.config.descriptor.mediaType,
      },
    ]);
  });

  it("are chosen by type", async () => {
    await using there = place();
    const layout = await there.open();
    const subject = await pushImage(layout, "subject");
    const sbom = await refer(layout, "sbom", subject, SBOM);
    const signature = await refer(layout, "signature", subject, SIGNATURE);
    const of = async (artifactType: string) =>
      digests(await layout.referrers(subject.digest, { artifactType }));
    assert.deepEqual(await of(SBOM), [sbom.digest]);
    assert.deepEqual(await of(SIGNATURE), [signature.digest]);
    assert.deepEqual(await of("other"), []);
  });

  it("of a subject that is not stored are found all the same", async () => {
    await using there = place();
    const layout = await there.open();
    const referrer = await refer(layout, "orphan", absent);
    assert.deepEqual(digests(await layout.referrers(absent.digest)), [referrer.digest]);
  });

  it("a candidate whose subject is another is none, whoever lists it", async () => {
    await using there = place();
    const layout = await there.open();
    const [subject, other] = [await pushImage(layout, "subject"), await pushImage(layout, "other")];
    const referrer = await pushImage(layout, "referrer", { subject: other });
    const index = indexOf([referrer]);
    await pushAll(layout, index);
    await layout.tag(index.descriptor, digestTag(subject.digest));
    await layout.tag({ ...referrer, annotations: { [SUBJECT]: subject.digest } }, "annotated");
    assert.deepEqual(await layout.referrers(subject.digest), []);
    assert.deepEqual(digests(await layout.referrers(other.digest)), [referrer.digest]);
  });

  it("cosign's tags count if asked for, in a full name as well", async () => {
    await using there = place();
    const layout = await there.open();
    const subject = await pushImage(layout, "subject");
    const tag = digestTag(subject.digest);
    const signature = await pushImage(layout, "signature");
    const attestation = await pushImage(layout, "attestation");
    const index = indexOf([signature]);
    await pushAll(layout, index);
    await layout.tag(signature, `${tag}.sig`);
    await layout.tag(attestation, `registry.example.com:5000/app:${tag}.att`);
    await layout.tag(index.descriptor, `${tag}.index`);
    assert.deepEqual(await layout.referrers(subject.digest), []);
    const found = await layout.referrers(subject.digest, { digestTags: true });
    assert.deepEqual(digests(found), digests([signature, attestation, index.descriptor]));
  });

  it("a fallback tag is read under a full name whose host has dots", async () => {
    await using there = place();
    const layout = await there.open();
    const subject = await pushImage(layout, "subject");
    const referrer = await pushImage(layout, "referrer", { subject });
    const index = indexOf([referrer]);
    await pushAll(layout, index);
    const name = `registry.example.com/app:${digestTag(subject.digest)}`;
    const entry = { ...index.descriptor, annotations: { [REF_NAME]: name } };
    const { manifests, ...rest } = await layout.index();
    await there.write("index.json", JSON.stringify({ ...rest, manifests: [...manifests, entry] }));
    assert.deepEqual(digests(await layout.referrers(subject.digest)), [referrer.digest]);
    await layout.tag(index.descriptor, name);
    assert.equal((await layout.resolve(name)).annotations?.[IMAGE_NAME] ?? name, name);
    assert.deepEqual(digests(await layout.referrers(subject.digest)), [referrer.digest]);
  });

  it("that nothing lists are found by a scan, which passes over what is no manifest", async () => {
    await using there = place();
    const layout = await there.open();
    const subject = await pushImage(layout, "subject");
    const unlisted = await pushImage(layout, "unlisted", { subject });
    await pushImage(layout, "no referrer");
    await pushAll(layout, blobOf("text"), blobOf("{}"), blobOf('{"manifests":1}'));
    await put(await there.backend(), utf8("{}"), `blake3:${"0".repeat(64)}`);
    await put(await there.backend(), utf8("damaged"), absent.digest);
    assert.deepEqual(await layout.referrers(subject.digest), []);
    const found = await layout.referrers(subject.digest, { scan: true });
    assert.deepEqual(digests(found), [unlisted.digest]);
  });

  it("one that is broken or missing hides no other", async () => {
    await using there = place();
    const layout = await there.open();
    const subject = await pushImage(layout, "subject");
    const broken = await refer(layout, "broken", subject);
    const good = await refer(layout, "good", subject);
    await put(await there.backend(), utf8("x".repeat(broken.size - 1)), broken.digest);
    assert.deepEqual(digests(await layout.referrers(subject.digest)), [good.digest]);
  });
});

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

everyLayout("a pusher", (place) => {
  it("takes children in parallel and any order, and sets the name with the root", async () => {
    await using there = place();
    const layout = await there.open();
    for (
      const mediaType of [MANIFEST_TYPE, "application/vnd.docker.distribution.manifest.v2+json"]
    ) {
      const image = imageOf(mediaType, { mediaType });
      const pusher = layout.pusher(`app/x:v1@${image.descriptor.digest}`);
      await Promise.all(
        [image.config, image.layer].map(({ descriptor, bytes }) => pusher.push(descriptor, bytes)),
      );
      await pusher.push(image.descriptor, image.bytes);
      const { digest } = await layout.resolve("app/x:v1");
      assert.equal(digest, image.descriptor.digest);
    }
    assert.equal((await layout.index()).manifests.length, 1);
  });

  it("sets no name while children are missing: push them, then the root again", async () => {
    await using there = place();
    const layout = await there.open();
    const image = imageOf("one");
    const pusher = layout.pusher(`v1@${image.descriptor.digest}`);
    await pusher.push(image.config.descriptor, image.config.bytes);
    await fails(pusher.push(image.descriptor, image.bytes), "not_found");
    await fails(layout.resolve("v1"), "not_found");
    assert.equal(await layout.exists(image.descriptor.digest), true);
    await pusher.push(image.layer.descriptor, image.layer.bytes);
    assert.equal((await pusher.push(image.descriptor, image.bytes)).existed, true);
    assert.equal((await layout.resolve("v1")).digest, image.descriptor.digest);
  });

  it("writes by digest, resumably, and names the root at its commit, or where it is stored", async () => {
    await using there = place();
    const layout = await there.open();
    const image = imageOf("one");
    await pushAll(layout, image.config, image.layer);
    const pusher = layout.pusher(`v1@${image.descriptor.digest}`);
    {
      await using writer = await pusher.openWriter(image.descriptor);
      await writer.write(image.bytes.subarray(0, 10));
    }
    assert.equal((await layout.status(image.descriptor.digest)).offset, 10);
    await fails(layout.resolve("v1"), "not_found");
    await using writer = await pusher.openWriter(image.descriptor);
    await writer.write(image.bytes.subarray(writer.status.offset));
    await writer.commit();
    assert.equal((await layout.resolve("v1")).digest, image.descriptor.digest);
    const second = layout.pusher(`v2@${image.descriptor.digest}`);
    await fails(second.openWriter(image.descriptor), "already_exists");
    assert.equal((await layout.resolve("v2")).digest, image.descriptor.digest);
  });

  it("that fails or is aborted sets no name", async () => {
    await using there = place();
    const layout = await there.open();
    const image = imageOf("one");
    await pushAll(layout, image.config, image.layer);
    const pusher = layout.pusher(`v1@${image.descriptor.digest}`);
    await fails(pusher.push(image.descriptor, image.bytes.subarray(1)), "corrupt");
    const writer = await pusher.openWriter(image.descriptor);
    await writer.write(image.bytes);
    await layout.abort(image.descriptor.digest);
    await fails(writer.commit(), "aborted");
    await fails(layout.resolve("v1"), "not_found");
  });

  it("needs a name, a digest, and a layout that may be written", async () => {
    await using there = place();
    const layout = await there.open();
    const { digest } = imageOf("one").descriptor;
    for (
      const reference of ["v1", "", `@${digest}`, digest, `a b@${digest}`, `v1@${digest}@${digest}`]
    ) {
      await fails(
        (async () => await layout.pusher(reference).push({} as Descriptor, utf8("")))(),
        "invalid",
      );
    }
    await fails(
      (async () => await layout.pusher("v1@sha256:0").push({} as Descriptor, utf8("")))(),
      "invalid_digest",
    );
    const reading = await there.open({ mode: "read" });
    assert.throws(() => reading.pusher(`v1@${digest}`), { code: "read_only" });
    assert.ok(layout.pusher(`user@host/app:v1@${digest}`));
  });
});
