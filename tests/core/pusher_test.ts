import assert from "node:assert/strict";
import { it } from "node:test";
import { type Descriptor, MANIFEST_TYPE } from "../../core/mod.ts";
import { fails } from "../fails.ts";
import { imageOf, pushAll, utf8 } from "../images.ts";
import { everyLayout } from "../layouts.ts";

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
