import assert from "node:assert/strict";
import { it } from "node:test";
import {
  type Descriptor,
  IMAGE_NAME,
  type Layout,
  MANIFEST_TYPE,
  REF_NAME,
} from "../../core/mod.ts";
import { digestTag } from "../../core/referrers.ts";
import { put } from "../contract/suite.ts";
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
