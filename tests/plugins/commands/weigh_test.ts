import assert from "node:assert/strict";
import { it } from "node:test";
import { type Descriptor, digestOf, type Layout, splitDigest } from "../../../core/mod.ts";
import { aliveFrom, weigh } from "../../../plugins/commands/weigh.ts";
import { makePlan } from "../../../plugins/gc/plan.ts";
import { keepAll } from "../../../plugins/gc/policy.ts";
import { imageOf, indexOf, pushAll, pushImage } from "../../images.ts";
import { everyLayout } from "../../layouts.ts";

/** Pushes an image that refers to another one; listed without a name unless told otherwise. */
async function refer(layout: Layout, text: string, subject: Descriptor, list = true) {
  const image = imageOf(text, { subject });
  await pushAll(layout, image.config, image.layer, ...(list ? [] : [image]));
  if (list) await layout.pushManifest(image.bytes);
  return image.descriptor;
}

everyLayout("what lives", (place) => {
  it("is the same for du and for gc", async () => {
    await using here = await place();
    const layout = await here.open();
    const { store } = layout;
    const tagged = await pushImage(layout, "tagged");
    await layout.tag(tagged, "v1");
    const child = await pushImage(layout, "child");
    const multi = indexOf([tagged, child]);
    await pushAll(layout, multi);
    await layout.tag(multi.descriptor, "multi");
    const signature = await refer(layout, "signature", tagged);
    const chain = await refer(layout, "of the signature", signature);
    const unlisted = await refer(layout, "unlisted", child, false);
    const dead = await pushImage(layout, "dead");
    const ofDead = await refer(layout, "of the dead", dead);
    const kept = await pushImage(layout, "kept by a name");
    const named = await refer(layout, "named", kept);
    await layout.tag(named, "report");
    const absent = imageOf("absent").descriptor;
    const orphan = await refer(layout, "orphan", absent);
    const fallback = indexOf([chain]);
    await pushAll(layout, fallback);
    const { algorithm, hex } = splitDigest(dead.digest);
    await layout.tag(fallback.descriptor, `${algorithm}-${hex}`);
    const garbage = await layout.push({}, new TextEncoder().encode("garbage"));

    const weights = await weigh(store);
    const alive = aliveFrom(weights, weights.roots);
    const lives = ({ digest }: Pick<Descriptor, "digest">) =>
      alive.has(weights.numberOf(digest) ?? -1);
    for (const one of [tagged, child, multi.descriptor, signature, chain, unlisted, kept, orphan]) {
      assert.ok(lives(one), one.digest);
    }
    for (const one of [dead, ofDead, fallback.descriptor, garbage.descriptor]) {
      assert.ok(!lives(one), one.digest);
    }
    assert.ok(!lives({ digest: digestOf("layer of dead") }));
    const { mark } = await makePlan(store, { policy: keepAll, grace: 0 });
    for await (const blob of layout.walk()) {
      assert.equal(lives(blob), mark.live.has(blob.digest), blob.digest);
    }
  });
});
