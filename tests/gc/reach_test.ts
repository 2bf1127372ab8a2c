import assert from "node:assert/strict";
import { it } from "node:test";
import { type Descriptor, INDEX_TYPE, type Layout } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { keepAll } from "../../plugins/gc/policy.ts";
import { type Blobbed, blobOf, type Image, imageOf, indexOf, jsonOf, pushAll } from "../images.ts";
import { inMemory, type Place } from "../layouts.ts";
import {
  aheadBy,
  collectIn,
  danglingIn,
  digestsOf,
  eager,
  HOUR,
  list,
  listedIn,
  pushNamed,
  storedIn,
} from "./collecting.ts";

const drop = { ...keepAll, maxDrop: 100, rules: [{ refs: ["v*"] }] };
const digestOf = ({ descriptor }: Blobbed) => descriptor.digest;

/** Whether all of some images, and nothing else, is stored after a collection. */
async function leaves(place: Place, layout: Layout, images: readonly Image[], policy = drop) {
  const collected = await collectIn(place, { policy });
  const left = images.flatMap(digestsOf);
  assert.deepEqual(await storedIn(layout), [...new Set(left)].sort());
  return collected;
}

const about = (subject: Blobbed) => ({ subject: subject.descriptor, artifactType: "a/sbom" });

inMemory("what a collection keeps", (fresh) => {
  for (const listed of [true, false]) {
    it(`a referrer ${listed ? "listed" : "stored"} without a name lives and dies with its subject`, async () => {
      await using place = fresh();
      const layout = await place.open();
      const [kept, gone] = [
        await pushNamed(layout, "k", "main"),
        await pushNamed(layout, "g", "v1"),
      ];
      const signatures = [imageOf("sk", about(kept)), imageOf("sg", about(gone))];
      for (const image of signatures) {
        await pushAll(layout, image.config, image.layer, image);
        if (listed) await list(layout, image.descriptor);
      }
      const [signature] = signatures;
      assert.ok(signature);
      await leaves(place, layout, [kept, signature]);
      assert.deepEqual(
        await listedIn(layout),
        listed ? ["main", digestOf(signature)].sort() : ["main"],
      );
    });
  }

  it("referrers of referrers, to the end of the chain", async () => {
    await using place = fresh();
    const layout = await place.open();
    const chain = [await pushNamed(layout, "base", "main")];
    for (let at = 0; at < 5; at++) {
      const image = imageOf(`link ${at}`, about(chain.at(-1) ?? imageOf("")));
      await pushAll(layout, image.config, image.layer, image);
      chain.push(image);
    }
    await leaves(place, layout, chain);
    await layout.untag("main");
    await leaves(place, layout, []);
  });

  it("digest tags, as cosign sets them, live and die with what they name", async () => {
    await using place = fresh();
    const layout = await place.open();
    const [kept, gone] = [await pushNamed(layout, "k", "main"), await pushNamed(layout, "g", "v1")];
    const tagOf = (image: Image, more = "") => `${digestOf(image).replace(":", "-")}${more}`;
    const signature = await pushNamed(layout, "sig", tagOf(kept, ".sig"));
    const fallback = await pushNamed(layout, "fallback", tagOf(kept));
    await pushNamed(layout, "sig of gone", tagOf(gone, ".sig"));
    await leaves(place, layout, [kept, signature, fallback]);
    assert.equal((await layout.index()).manifests.length, 3);
  });

  it("a referrer with a name keeps its subject", async () => {
    await using place = fresh();
    const layout = await place.open();
    const subject = await pushNamed(layout, "s", "v1");
    const sbom = await pushNamed(layout, "sbom", "sbom", about(subject));
    await leaves(place, layout, [subject, sbom]);
    assert.deepEqual(await listedIn(layout), ["sbom"]);
  });

  it("referrers whose subject is not stored stay and are reported, unless the policy drops them", async () => {
    await using place = fresh();
    const layout = await place.open();
    const orphan = imageOf("orphan", about(imageOf("elsewhere")));
    await pushAll(layout, orphan.config, orphan.layer, orphan);
    await list(layout, orphan.descriptor);
    const { plan } = await leaves(place, layout, [orphan]);
    assert.deepEqual([...plan.orphans.keys()], [digestOf(orphan)]);
    await leaves(place, layout, [], { ...drop, orphanReferrers: "drop" });
    assert.deepEqual(await listedIn(layout), []);
  });

  it("a tag and a referrer that point at each other in a ring end the walk", async () => {
    await using place = fresh();
    const layout = await place.open();
    const one = await pushNamed(layout, "one", "main");
    const two = await pushNamed(layout, "two", `${digestOf(one).replace(":", "-")}`, about(one));
    await leaves(place, layout, [one, two]);
  });

  it("children of an index, of indexes in it, and the layers that a build cache lists as manifests", async () => {
    await using place = fresh();
    const layout = await place.open();
    const image = imageOf("child");
    const inner = indexOf([image.descriptor]);
    const layer = blobOf("cached layer", "application/vnd.oci.image.layer.v1.tar+gzip");
    const config = jsonOf({ layers: [] }, "application/vnd.buildkit.cacheconfig.v0");
    const cache = indexOf([layer.descriptor, config.descriptor]);
    const outer = indexOf([inner.descriptor, cache.descriptor]);
    const all = [image.config, image.layer, image, inner, layer, config, cache, outer];
    await pushAll(layout, ...all, blobOf("garbage"));
    await list(layout, outer.descriptor, "main");
    const { removed } = await collectIn(place);
    assert.equal(removed.length, 1);
    assert.deepEqual(await storedIn(layout), all.map(digestOf).sort());
  });

  it("entries of types nobody knows, and what they hold if they are shaped like a manifest", async () => {
    await using place = fresh();
    const layout = await place.open();
    const image = imageOf("new kind", { mediaType: "application/vnd.example.manifest.v9+json" });
    const plain = blobOf("{not json", "text/plain");
    await pushAll(layout, image.config, image.layer, image, plain, blobOf("garbage"));
    await list(layout, image.descriptor, "new");
    await list(layout, plain.descriptor, "plain");
    const { removed } = await collectIn(place);
    assert.equal(removed.length, 1);
    assert.deepEqual(await storedIn(layout), [...digestsOf(image), digestOf(plain)].sort());
  });

  it("what hooks tie to it; a hook that fails stops all", async () => {
    await using place = fresh();
    const layout = await place.open();
    const image = await pushNamed(layout, "kept", "main");
    const tied = blobOf("tied");
    await pushAll(layout, tied);
    const run = async (edges: (node: Descriptor) => Descriptor[]) => {
      const hook = { name: "tie", edges };
      const { store } = await place.open({ clock: aheadBy(HOUR), hooks: [hook] });
      return await collect(store, eager());
    };
    const fail = () => {
      throw new Error("no answer");
    };
    await assert.rejects(run(fail), /no answer/);
    await run(({ digest }) => digest === digestOf(image) ? [tied.descriptor] : []);
    assert.deepEqual(await storedIn(layout), [...digestsOf(image), digestOf(tied)].sort());
    await run(() => []);
    assert.deepEqual(await storedIn(layout), digestsOf(image));
  });

  it("what a sparse layout has of an index; what it has not is reported", async () => {
    await using place = fresh();
    const layout = await place.open({ sparse: true });
    const [here, away] = [imageOf("here"), imageOf("away")];
    const index = indexOf([here.descriptor, away.descriptor]);
    await pushAll(layout, here.config, here.layer, here, index, blobOf("garbage"));
    await list(layout, { ...index.descriptor, mediaType: INDEX_TYPE }, "multi");
    const { plan, removed } = await collectIn(place);
    assert.equal(removed.length, 1);
    assert.deepEqual(plan.missing, [digestOf(away)]);
  });

  it("a child, though its own name goes, and never leaves a name without its parts", async () => {
    await using place = fresh();
    const layout = await place.open();
    const image = await pushNamed(layout, "child", "v1");
    const index = indexOf([image.descriptor]);
    await pushAll(layout, index);
    await list(layout, index.descriptor, "main");
    await collectIn(place, { policy: drop });
    assert.deepEqual([await listedIn(layout), await danglingIn(layout)], [["main"], []]);
    assert.equal((await storedIn(layout)).length, 4);
  });
});
