import assert from "node:assert/strict";
import { it } from "node:test";
import { copy, INDEX_TYPE, parsePlatform } from "../../core/mod.ts";
import { digests, first, multi, names, on, platforms, proof, second, third } from "../copies.ts";
import { fails } from "../fails.ts";
import { contentsOf } from "../faults.ts";
import { blobOf, imageOf, pushAll } from "../images.ts";
import { everyLayout } from "../layouts.ts";

everyLayout("copying platforms", (place) => {
  it("of one the manifest is the root", async () => {
    await using a = place();
    await using b = place();
    const target = await b.open();
    const { copied } = await copy(await platforms(a), "multi", target, {
      platform: "linux/aarch64",
    });
    assert.deepEqual([copied[0]?.source, copied[0]?.names], [second.descriptor.digest, ["multi"]]);
    assert.equal((await target.resolve("multi")).digest, second.descriptor.digest);
    assert.equal((await contentsOf(await b.backend())).blobs.length, 3);
  });

  it("of several a new index has these, their attestations and its other members; the report tells both digests", async () => {
    await using a = place();
    await using b = place();
    const layout = await platforms(a);
    const target = await b.open();
    const wanted = ["linux/amd64", "linux/arm64"];
    const report = await copy(layout, "multi", target, { platforms: wanted });
    const entry = await target.resolve("multi");
    assert.deepEqual([report.copied[0]?.source, report.copied[0]?.descriptor.digest], [
      multi.descriptor.digest,
      entry.digest,
    ]);
    assert.deepEqual(report.leftOut, [third.descriptor.digest]);
    const json = JSON.parse(new TextDecoder().decode(await target.fetchAll(entry)));
    assert.deepEqual(json.annotations, { of: "the index" });
    assert.deepEqual(
      digests(json.manifests),
      digests([first, second, proof].map((one) => one.descriptor)),
    );
    assert.equal(await target.exists(third.descriptor.digest), false);
    assert.equal((await copy(layout, "multi", target, { platforms: wanted })).tally.sent, 0);
  });

  it("with `sparse` the index is as it was, the rest is left out and declared", async () => {
    await using a = place();
    await using b = place();
    const target = await b.open();
    const { leftOut } = await copy(await platforms(a), "multi", target, {
      platforms: ["linux/arm64"],
      sparse: true,
    });
    assert.deepEqual(leftOut, digests([first, third].map((one) => one.descriptor)));
    assert.equal((await target.resolve("multi")).digest, multi.descriptor.digest);
    assert.match(await b.read(".stowage/layout.json") ?? "", /"sparse":true/);
    assert.equal(await target.exists(proof.layer.descriptor.digest), true);
  });

  it("of all of them the index is as it was, whatever its spelling", async () => {
    await using a = place();
    await using b = place();
    const layout = await platforms(a);
    const spaced = blobOf(
      JSON.stringify({ manifests: [on(first, "linux/amd64")] }, undefined, 2),
      INDEX_TYPE,
    );
    await pushAll(layout, spaced);
    await layout.tag(spaced.descriptor, "spaced");
    const target = await b.open();
    await copy(layout, "spaced", target, { platforms: ["linux/amd64"] });
    assert.equal((await target.resolve("spaced")).digest, spaced.descriptor.digest);
  });

  it("one without a match is not_found and moves no name; a manifest must be for one of them, if for any", async () => {
    await using a = place();
    await using b = place();
    const layout = await platforms(a);
    const target = await b.open();
    const error = await fails(
      copy(layout, "multi", target, { platforms: ["linux/amd64", "linux/arm"] }),
      "not_found",
    );
    assert.equal(error.url, a.url.href);
    await fails(copy(layout, "multi", target, { platform: "linux/arm" }), "not_found");
    await fails(copy(layout, "multi", target, { platform: "linux" }), "invalid");
    const amd = imageOf("amd", { platform: parsePlatform("linux/amd64") });
    await pushAll(layout, amd.config, amd.layer, amd);
    await layout.tag(amd.descriptor, "amd");
    await layout.tag(third.descriptor, "any");
    for (const options of [{ platform: "linux/arm64" }, { platforms: ["linux/arm64"] }]) {
      await fails(copy(layout, "amd", target, options), "not_found");
      await copy(layout, ["multi", "any"], target, options);
      assert.equal((await target.resolve("any")).digest, third.descriptor.digest);
    }
    assert.deepEqual(await names(target), ["any", "multi"]);
  });
});
