import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Descriptor,
  type Digest,
  INDEX_TYPE,
  type Layout,
  MANIFEST_TYPE,
  OCTET_STREAM,
  openLayout,
  pathOf,
  UNKNOWN_SIZE,
  walkGraph,
} from "../../core/mod.ts";
import { put } from "../contract/suite.ts";
import { fails } from "../fails.ts";
import { broken, withBlobs } from "../faults.ts";
import {
  blobOf,
  imageOf,
  indexOf,
  jsonOf,
  LAYER_TYPE,
  pushAll,
  pushImage,
  utf8,
} from "../images.ts";
import { everyLayout, makePlace } from "../layouts.ts";

const DOCKER = "application/vnd.docker.distribution.manifest";
const ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json";
const absent = blobOf("not stored").descriptor;
const [a, b, c] = [blobOf("a", LAYER_TYPE), blobOf("b", LAYER_TYPE), blobOf("c", LAYER_TYPE)];
const [one, two] = [a.descriptor, b.descriptor];

const digests = (list: readonly Descriptor[]) => list.map(({ digest }) => digest);

/** The table of media types: what a node says, and its children. */
const CHILDREN:
  readonly (readonly [string, Readonly<Record<string, unknown>>, readonly Descriptor[]])[] = [
    [MANIFEST_TYPE, { config: one, layers: [two, one] }, [one, two, one]],
    [`${DOCKER}.v2+json`, { config: one, layers: [two] }, [one, two]],
    [MANIFEST_TYPE, { config: one, layers: null, subject: two }, [one]],
    [INDEX_TYPE, { manifests: [two, one], subject: c.descriptor }, [two, one]],
    [INDEX_TYPE, { manifests: null }, []],
    [`${DOCKER}.list.v2+json`, { manifests: [one] }, [one]],
    [ARTIFACT, { blobs: [two, one], subject: c.descriptor }, [two, one]],
    [ARTIFACT, {}, []],
    ["application/x.of.its.own", { config: one, layers: [two] }, []],
  ];

describe("children", () => {
  for (const [mediaType, json, children] of CHILDREN) {
    it(`of ${mediaType} with ${Object.keys(json).join(", ") || "nothing"}`, async () => {
      await using there = makePlace("memory");
      const layout = await there.open();
      const node = jsonOf({ mediaType, ...json }, mediaType);
      await pushAll(layout, node);
      assert.deepEqual(digests(await layout.children(node.descriptor)), digests(children));
    });
  }
});

everyLayout("children", (place) => {
  it("of a Docker schema 1 are its layers, of a size nobody knows", async () => {
    await using there = place();
    const layout = await there.open();
    const fsLayers = [{ blobSum: one.digest }, { blobSum: two.digest }];
    const node = jsonOf({ schemaVersion: 1, fsLayers }, `${DOCKER}.v1+prettyjws`);
    await pushAll(layout, node, a, b);
    const children = await layout.children(node.descriptor);
    assert.deepEqual(digests(children), [one.digest, two.digest]);
    assert.ok(children.every(({ size }) => size === UNKNOWN_SIZE));
    await layout.tag(node.descriptor, "old");
  });
});

/** Two indexes over three images, of which two share a config, and referrers of an image and of the outer index. */
function graph() {
  const config = blobOf("{}", "application/vnd.oci.image.config.v1+json");
  const image = (layer: Descriptor, subject?: Descriptor) =>
    jsonOf({
      mediaType: MANIFEST_TYPE,
      config: config.descriptor,
      layers: [layer],
      ...(subject ? { subject } : {}),
    }, MANIFEST_TYPE);
  const first = image(one);
  const second = image(two);
  const inner = indexOf([second.descriptor]);
  const outer = indexOf([first.descriptor, inner.descriptor]);
  const signature = image(c.descriptor, first.descriptor);
  const bill = image(one, outer.descriptor);
  return { config, first, second, inner, outer, signature, bill };
}

everyLayout("predecessors", (place) => {
  it("are exact for every node, whatever the order of the pushes, and after reopening", async () => {
    const { config, first, second, inner, outer, signature, bill } = graph();
    const blobs = [a, b, c, config, first, second, inner, outer, signature, bill];
    const expected: readonly (readonly [typeof a, readonly typeof a[]])[] = [
      [config, [first, second, signature, bill]],
      [a, [first, bill]],
      [b, [second]],
      [c, [signature]],
      [first, [outer, signature]],
      [second, [inner]],
      [inner, [outer]],
      [outer, [bill]],
      [signature, []],
      [bill, []],
    ];
    for (const order of [blobs, blobs.toReversed()]) {
      await using there = place();
      const layout = await there.open();
      await pushAll(layout, ...order);
      await layout.transaction((tx) => {
        for (const { descriptor } of [signature, outer, bill]) tx.insert(descriptor);
      });
      for (const opened of [layout, await there.open({ mode: "read" })]) {
        for (const [node, parents] of expected) {
          const found = digests(await opened.predecessors(node.descriptor.digest));
          assert.deepEqual(
            found.sort(),
            digests(parents.map(({ descriptor }) => descriptor)).sort(),
          );
        }
        assert.deepEqual(await opened.predecessors(absent.digest), []);
      }
    }
  });
});

async function visits(layout: Layout, root: Descriptor, sparse = false) {
  return await Array.fromAsync(walkGraph(layout.store, [root], { sparse }));
}

everyLayout("a walk", (place) => {
  it("visits parents before children, each digest once", async () => {
    await using there = place();
    const layout = await there.open();
    const { config, first, second, inner, outer } = graph();
    const twice = indexOf([outer.descriptor, inner.descriptor, first.descriptor, first.descriptor]);
    await pushAll(layout, a, b, config, first, second, inner, outer, twice);
    const seen = digests((await visits(layout, twice.descriptor)).map(({ target }) => target));
    const all = [twice, outer, first, config, a, inner, second, b].map(({ descriptor }) =>
      descriptor.digest
    );
    assert.deepEqual(seen, all);
  });

  it("takes layers inside manifests, as of BuildKit caches, for leaves", async () => {
    await using there = place();
    const layout = await there.open();
    const cache = indexOf([one, { ...two, mediaType: "application/vnd.buildkit.cacheconfig.v0" }]);
    await pushAll(layout, a, b, cache);
    const walk = await visits(layout, cache.descriptor);
    assert.deepEqual(walk.map(({ role, node }) => [role, node !== undefined]), [
      ["root", true],
      ["manifest", false],
      ["manifest", false],
    ]);
    await layout.tag(cache.descriptor, "cache");
  });

  it("takes a manifest in the place of a layer for a leaf, and opens it where it is a manifest", async () => {
    await using there = place();
    const layout = await there.open();
    const inner = await pushImage(layout, "inner");
    const holder = jsonOf(
      { mediaType: MANIFEST_TYPE, config: one, layers: [inner] },
      MANIFEST_TYPE,
    );
    const both = indexOf([holder.descriptor, inner]);
    await pushAll(layout, a, holder, both);
    assert.equal((await visits(layout, holder.descriptor)).length, 3);
    const roles = (await visits(layout, both.descriptor)).filter(({ target }) =>
      target.digest === inner.digest
    );
    assert.deepEqual(roles.map(({ role, node }) => [role, node !== undefined]), [
      ["layer", false],
      ["manifest", true],
    ]);
  });

  it("gives a digest of two kinds the children of both", async () => {
    await using there = place();
    const layout = await there.open();
    const json = {
      config: one,
      layers: [],
      blobs: [two],
      fsLayers: [{ blobSum: c.descriptor.digest }],
    };
    const node = jsonOf(json, MANIFEST_TYPE);
    const types = [MANIFEST_TYPE, ARTIFACT, `${DOCKER}.v1+json`];
    const index = indexOf(types.map((mediaType) => ({ ...node.descriptor, mediaType })));
    await pushAll(layout, a, b, c, node, index);
    const leaves = (await visits(layout, index.descriptor)).filter((visit) => !visit.node);
    assert.deepEqual(leaves.map(({ target }) => target.digest), digests([one, two, c.descriptor]));
  });

  it("ends on subjects that point back, and does not follow them", async () => {
    await using there = place();
    const layout = await there.open();
    const image = await pushImage(layout, "one");
    const referrer = await pushImage(layout, "two", { subject: image });
    assert.equal((await visits(layout, referrer)).length, 3);
  });

  it("says where it was when a manifest is broken, missing, or too big", async () => {
    await using there = place();
    const layout = await there.open({ limits: { manifest: 10_000 } });
    const image = imageOf("one");
    const index = indexOf([one, image.descriptor]);
    await pushAll(layout, a, image.config, image.layer, index);
    const root = {
      ...index.descriptor,
      annotations: { "org.opencontainers.image.ref.name": "v1" },
    };
    const missing = await fails(visits(layout, root), "not_found", /\(v1 > manifest 2\)$/);
    assert.deepEqual([missing.digest, missing.url], [image.descriptor.digest, there.url.href]);
    const sparse = await visits(layout, root, true);
    assert.deepEqual(sparse.map(({ missing }) => missing === true), [false, false, true]);

    await put(await there.backend(), utf8("x".repeat(image.bytes.length)), image.descriptor.digest);
    await fails(visits(layout, root, true), "corrupt", /\(v1 > manifest 2\)$/);

    const text = jsonOf({ mediaType: MANIFEST_TYPE, not: "a manifest" }, OCTET_STREAM);
    const lying = indexOf([{ ...text.descriptor, mediaType: MANIFEST_TYPE }]);
    await pushAll(layout, text, lying);
    await fails(visits(layout, lying.descriptor), "corrupt", /> manifest 1\)$/);

    const big = jsonOf({ mediaType: MANIFEST_TYPE, pad: "x".repeat(10_000) }, OCTET_STREAM);
    const over = indexOf([{ ...big.descriptor, mediaType: MANIFEST_TYPE }]);
    await pushAll(layout, big, over);
    await fails(visits(layout, over.descriptor), "size_exceeded", /> manifest 1\)$/);
  });

  it("names the way: root, manifest, config, layer", async () => {
    await using there = place();
    const layout = await there.open();
    const { config, first, second, inner, outer } = graph();
    await pushAll(layout, a, b, config, first, second, inner, outer);
    const paths = (await visits(layout, outer.descriptor)).map((visit) =>
      pathOf(visit).slice(1).join(" > ")
    );
    assert.deepEqual(paths, [
      "",
      "manifest 1",
      "manifest 1 > config",
      "manifest 1 > layer 1",
      "manifest 2",
      "manifest 2 > manifest 1",
      "manifest 2 > manifest 1 > layer 1",
    ]);
  });

  it("through a hundred nested indexes ends", async () => {
    await using there = place();
    const layout = await there.open();
    let node = indexOf([]);
    const nested = [node];
    for (let depth = 0; depth < 100; depth++) nested.push(node = indexOf([node.descriptor]));
    await pushAll(layout, ...nested);
    assert.equal((await visits(layout, node.descriptor)).length, 101);
  });
});

everyLayout("listing", (place) => {
  it("needs all that is reached, and names the first few that are missing", async () => {
    await using there = place();
    const layout = await there.open();
    const lost = Array.from({ length: 5 }, (_, n) => blobOf(`lost ${n}`, LAYER_TYPE).descriptor);
    const image = jsonOf(
      { mediaType: MANIFEST_TYPE, config: one, layers: [two, ...lost] },
      MANIFEST_TYPE,
    );
    await pushAll(layout, a, b, image);
    const { message } = await fails(layout.tag(image.descriptor, "v1"), "not_found");
    for (const [at, { digest }] of lost.entries()) assert.equal(message.includes(digest), at < 3);
    assert.match(message, /layer 2\).*layer 3\).*layer 4\) and 2 more$/);
    assert.deepEqual(await layout.references(), []);
    await layout.tag(image.descriptor, "v1", { sparse: true });
    assert.equal((await (await there.open()).resolve("v1")).digest, image.descriptor.digest);
  });

  it("a size other than the stored one is invalid for the root, not_found for what is below", async () => {
    await using there = place();
    const layout = await there.open();
    const image = imageOf("one");
    await pushAll(layout, a, image.config, image.layer, image);
    for (const { descriptor } of [image, a]) {
      await fails(layout.tag({ ...descriptor, size: descriptor.size + 1 }, "v1"), "invalid");
    }
    const index = indexOf([{ ...image.descriptor, size: 1 }]);
    const holder = jsonOf(
      { mediaType: MANIFEST_TYPE, config: { ...one, size: 9 }, layers: [] },
      MANIFEST_TYPE,
    );
    await pushAll(layout, index, holder);
    await fails(layout.tag(index.descriptor, "v1"), "not_found", /manifest 1\)/);
    await fails(layout.tag(holder.descriptor, "v1"), "not_found", /config\)/);
  });

  it("does not need layers that may be had elsewhere", async () => {
    await using there = place();
    const layout = await there.open();
    const elsewhere = [
      { ...absent, mediaType: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" },
      { ...absent, mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" },
      { ...absent, mediaType: LAYER_TYPE, urls: ["https://example.com/layer"] },
    ];
    const image = jsonOf(
      { mediaType: MANIFEST_TYPE, config: one, layers: elsewhere },
      MANIFEST_TYPE,
    );
    await pushAll(layout, a, image);
    await layout.tag(image.descriptor, "v1");
  });

  it("looks once at a blob that many images share, and at none below what is listed", async () => {
    await using there = place();
    const looks = new Map<Digest, number>();
    const backend = withBlobs(await there.backend(), ({ renew }) => ({
      async renew(seen) {
        looks.set(seen.digest, (looks.get(seen.digest) ?? 0) + 1);
        return await renew?.(seen) ?? seen;
      },
    }));
    const layout = await openLayout(backend, { mode: "create" });
    const images = Array.from(
      { length: 5 },
      (_, n) => jsonOf({ mediaType: MANIFEST_TYPE, config: one, layers: [two], n }, MANIFEST_TYPE),
    );
    await pushAll(layout, a, b, ...images);
    const fresh = await openLayout(backend, { mode: "write" });
    for (const [n, image] of images.entries()) await fresh.tag(image.descriptor, `v${n}`);
    assert.deepEqual([looks.get(one.digest), looks.get(two.digest)], [1, 1]);
    const index = indexOf(images.map(({ descriptor }) => descriptor));
    await pushAll(layout, index);
    const another = await openLayout(backend, { mode: "write" });
    await another.tag(index.descriptor, "all");
    assert.deepEqual([looks.get(one.digest), looks.get(two.digest)], [1, 1]);
  });

  it("a store that fails amid the check fails the tag, and nothing else", async () => {
    await using there = place();
    let fail = false;
    const backend = withBlobs(await there.backend(), ({ stat }) => ({
      stat: (digest) => fail && digest === one.digest ? Promise.reject(broken()) : stat(digest),
    }));
    const layout = await openLayout(backend, { mode: "create" });
    const images = Array.from(
      { length: 100 },
      (_, n) => jsonOf({ mediaType: MANIFEST_TYPE, config: one, layers: [two], n }, MANIFEST_TYPE),
    );
    const index = indexOf(images.map(({ descriptor }) => descriptor));
    await pushAll(layout, a, b, ...images, index);
    fail = true;
    const other = await openLayout(backend, { mode: "write" });
    await fails(other.tag(index.descriptor, "v1"), "unavailable");
    assert.deepEqual(await other.references(), []);
  });
});
