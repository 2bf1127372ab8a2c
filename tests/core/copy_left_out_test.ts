import assert from "node:assert/strict";
import { it } from "node:test";
import { copy, type Descriptor, MANIFEST_TYPE } from "../../core/mod.ts";
import { first, names, second, source, third } from "../copies.ts";
import { fails } from "../fails.ts";
import { blobOf, indexOf, jsonOf, pushAll } from "../images.ts";
import { everyLayout } from "../layouts.ts";

everyLayout("what a copy leaves out", (place) => {
  const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  const layer = blobOf("elsewhere", foreign);
  const windows = jsonOf({
    mediaType: MANIFEST_TYPE,
    config: first.config.descriptor,
    layers: [layer.descriptor, first.layer.descriptor],
  }, MANIFEST_TYPE);

  it("layers that may be had elsewhere, unless they are asked for and stored", async () => {
    await using a = place();
    const layout = await source(a);
    await pushAll(layout, windows);
    await layout.tag(windows.descriptor, "windows");
    for (const stored of [false, true]) {
      if (stored) await pushAll(layout, layer);
      for (const includeExternal of [false, true]) {
        await using b = place();
        const target = await b.open();
        const report = await copy(layout, "windows", target, { includeExternal });
        const comes = stored && includeExternal;
        assert.deepEqual(report.leftOut, comes ? [] : [layer.descriptor.digest]);
        assert.equal(await target.exists(layer.descriptor.digest), comes);
        assert.equal(await b.read(".stowage/layout.json"), undefined);
      }
    }
  });

  it("what a filter declines, with `sparse`; without it only what the target has", async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    const target = await b.open();
    const filter = ({ digest }: Descriptor) => digest !== second.descriptor.digest;
    await fails(copy(layout, "v1", target, { filter }), "not_found");
    assert.deepEqual(await names(target), []);
    const report = await copy(layout, "v1", target, { filter, sparse: true });
    assert.deepEqual(report.leftOut, [second.descriptor.digest]);
    assert.equal(await target.exists(second.layer.descriptor.digest), false);
    assert.match(await b.read(".stowage/layout.json") ?? "", /"sparse":true/);

    await using c = place();
    const whole = await c.open();
    await copy(layout, second.descriptor.digest, whole);
    await copy(layout, "v1", whole, { filter });
    assert.deepEqual(await names(whole), ["v1"]);
    assert.equal(await c.read(".stowage/layout.json"), undefined);
  });

  it("what a filter or `onNode` throws stops the copy, and no name moves", async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    const target = await b.open();
    const stop = new Error("stop");
    const throwing = () => {
      throw stop;
    };
    for (const options of [{ filter: throwing }, { onNode: throwing }, { onEvent: throwing }]) {
      await assert.rejects(copy(layout, "v1", target, options), (error) => error === stop);
      assert.deepEqual(await names(target), []);
    }
  });

  it("what the source lacks, with `sparse`; a descriptor's own data stands in for it", async () => {
    await using a = place();
    await using b = place();
    const layout = await a.open();
    const data = (blob: { bytes: Uint8Array }) => btoa(String.fromCharCode(...blob.bytes));
    const empty = blobOf("{}", "application/vnd.oci.empty.v1+json");
    const artifact = jsonOf({
      mediaType: MANIFEST_TYPE,
      artifactType: "application/x",
      config: { ...empty.descriptor, data: data(empty) },
      layers: [{ ...third.layer.descriptor, data: data(third.layer) }, second.layer.descriptor],
      subject: blobOf("not stored").descriptor,
    }, MANIFEST_TYPE);
    const holder = indexOf([{ ...first.descriptor, data: data(first) }, artifact.descriptor]);
    await pushAll(layout, artifact, first.config, first.layer, holder);
    await layout.tag(holder.descriptor, "v1", { sparse: true });
    const target = await b.open();
    const error = await fails(copy(layout, "v1", target), "not_found");
    assert.deepEqual([error.url, error.digest], [a.url.href, second.layer.descriptor.digest]);
    assert.deepEqual(await names(target), []);
    const report = await copy(layout, "v1", target, { sparse: true });
    assert.deepEqual(report.missing, [second.layer.descriptor.digest]);
    for (const { descriptor, bytes } of [empty, third.layer, first]) {
      assert.deepEqual(await target.fetchAll(descriptor), new Uint8Array(bytes));
    }
    await pushAll(layout, second.layer);
    const again = await copy(layout, "v1", target, { deep: true });
    assert.deepEqual([again.tally.sent + again.tally.adopted, again.missing], [1, []]);
  });

  it("an artifact whose subject is not stored comes whole", async () => {
    await using a = place();
    await using b = place();
    const layout = await a.open();
    const empty = blobOf("{}", "application/vnd.oci.empty.v1+json");
    const artifact = jsonOf({
      mediaType: MANIFEST_TYPE,
      artifactType: "application/x",
      config: empty.descriptor,
      layers: [empty.descriptor],
      subject: blobOf("not stored").descriptor,
    }, MANIFEST_TYPE);
    await pushAll(layout, empty, artifact);
    await layout.tag(artifact.descriptor, "v1");
    assert.equal((await copy(layout, "v1", await b.open())).tally.blobs, 2);
  });

  it("layers of a Docker schema 1 come, though nobody tells their size", async () => {
    await using a = place();
    await using b = place();
    const layout = await a.open();
    const type = "application/vnd.docker.distribution.manifest.v1+json";
    const fsLayers = [first.layer, second.layer].map(({ descriptor: { digest } }) => ({
      blobSum: digest,
    }));
    const image = jsonOf({ schemaVersion: 1, fsLayers }, type);
    await pushAll(layout, first.layer, second.layer, image);
    await layout.tag(image.descriptor, "v1");
    const target = await b.open();
    const { tally } = await copy(layout, "v1", target);
    const sum = [image, first.layer, second.layer].reduce(
      (all, { bytes }) => all + bytes.length,
      0,
    );
    assert.deepEqual([tally.blobs, tally.bytes], [3, sum]);
    assert.equal((await copy(layout, "v1", target, { deep: true })).tally.bytes, sum);
  });
});
