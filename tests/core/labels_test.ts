import assert from "node:assert/strict";
import { it } from "node:test";
import { type Digest, digestOf, type Labels, type Layout } from "../../core/mod.ts";
import { moment, put } from "../contract/suite.ts";
import { fails } from "../fails.ts";
import { utf8 } from "../images.ts";
import { everyLayout } from "../layouts.ts";

const absent = digestOf("not stored");

/** Pushes text; its digest. */
async function pushed(layout: Layout, text = "foo"): Promise<Digest> {
  return (await layout.push({}, utf8(text))).descriptor.digest;
}

async function walked(layout: Layout, ...filters: string[]): Promise<Digest[]> {
  return (await Array.fromAsync(layout.walk(...filters))).map(({ digest }) => digest);
}

everyLayout("info", (place) => {
  it("tells digest, size, times and no labels", async () => {
    await using there = place();
    const layout = await there.open();
    const before = Date.now() - 1;
    const digest = await pushed(layout);
    const info = await layout.info(digest);
    assert.deepEqual([info.digest, info.size, info.labels], [digest, 3, {}]);
    assert.ok(+info.createdAt >= before && +info.createdAt <= Date.now() + 1);
    assert.deepEqual(info.updatedAt, info.createdAt);
  });

  it("of what is missing is not_found, of what is malformed invalid_digest", async () => {
    await using there = place();
    const layout = await there.open();
    await fails(layout.info(absent), "not_found");
    await fails(layout.update(absent, { a: "b" }), "not_found");
    await fails(layout.info("sha256:0" as Digest), "invalid_digest");
  });
});

/** What labels become: those before, those given, the paths, those after. */
const EDITS: readonly (readonly [string, Labels, Labels, readonly string[], Labels])[] = [
  ["all are replaced", { k1: "1", k2: "2" }, { k1: "x", k3: "3" }, [], { k1: "x", k3: "3" }],
  ["`labels` means all", { k1: "1" }, { k2: "2" }, ["labels"], { k2: "2" }],
  ["`labels` among others means all", { k1: "1" }, { k2: "2" }, ["labels.k1", "labels"], {
    k2: "2",
  }],
  ["one is set, the rest kept", { k1: "1", k2: "2" }, { k1: "x" }, ["labels.k1"], {
    k1: "x",
    k2: "2",
  }],
  [
    "one is set, one removed, the rest kept",
    { k1: "1", k2: "2", k3: "3" },
    { k1: "x" },
    ["labels.k3", "labels.k1"],
    { k1: "x", k2: "2" },
  ],
  ["only what is named counts", { k1: "1" }, { k1: "x", k2: "y" }, ["labels.k2"], {
    k1: "1",
    k2: "y",
  }],
  ["an empty value removes", { k1: "1", k2: "2" }, { k1: "" }, ["labels.k1"], { k2: "2" }],
  ["an empty value is not stored", {}, { k1: "", k2: "2" }, [], { k2: "2" }],
  ["a key may have dots", { "a.b.c": "1" }, { "a.b.c": "2" }, ["labels.a.b.c"], { "a.b.c": "2" }],
  ["a key may be anything", {}, { "ü /\n": "ß" }, ["labels.ü /\n"], { "ü /\n": "ß" }],
  ["what objects inherit is no label", { a: "1" }, {}, [
    "labels.constructor",
    "labels.__proto__",
    "labels.toString",
  ], { a: "1" }],
  ["a key and value of 4096 bytes fit", {}, { k: "x".repeat(4095) }, [], { k: "x".repeat(4095) }],
];

everyLayout("update", (place) => {
  for (const [why, before, labels, paths, after] of EDITS) {
    it(why, async () => {
      await using there = place();
      const layout = await there.open();
      const digest = await pushed(layout);
      await layout.update(digest, before);
      const info = await layout.update(digest, labels, ...paths);
      assert.deepEqual(info.labels, after);
      assert.deepEqual(await (await there.open()).info(digest), info);
    });
  }

  it("moves updatedAt, not createdAt", async () => {
    await using there = place();
    const layout = await there.open();
    const digest = await pushed(layout);
    const before = await layout.info(digest);
    await moment(15);
    const after = await layout.update(digest, { a: "b" });
    assert.deepEqual(after.createdAt, before.createdAt);
    assert.ok(after.updatedAt > before.updatedAt);
  });

  it("of another path, an empty key, or too much is invalid and changes nothing", async () => {
    await using there = place();
    const layout = await there.open();
    const digest = await pushed(layout);
    const before = await layout.update(digest, { a: "b" });
    for (const path of ["size", "digest", "labels.", "label", "labelsx", "", "Labels"]) {
      await fails(layout.update(digest, { a: "c" }, path), "invalid");
      await fails(layout.update(digest, { a: "c" }, "labels", path), "invalid");
    }
    const long = [{ k: "x".repeat(4096) }, { k: "ü".repeat(2048) }, { "": "x" }, {
      a: "c",
      "": "",
    }];
    for (const labels of long) await fails(layout.update(digest, labels), "invalid");
    assert.deepEqual(await layout.info(digest), before);
  });

  it("of a layout opened to read is read_only", async () => {
    await using there = place();
    const digest = await pushed(await there.open());
    await fails((await there.open({ mode: "read" })).update(digest, { a: "b" }), "read_only");
  });

  it("of different keys at once, by several openings, keeps all", async () => {
    await using there = place();
    const layouts = [await there.open(), await there.open()] as const;
    const digest = await pushed(layouts[0]);
    const keys = Array.from({ length: 10 }, (_, n) => `k${n}`);
    await Promise.all(keys.map((key, n) => {
      return layouts[n % 2 === 0 ? 0 : 1].update(digest, { [key]: "x" }, `labels.${key}`);
    }));
    assert.deepEqual(Object.keys((await layouts[0].info(digest)).labels).sort(), keys);
  });

  it("labels go with their blob", async () => {
    await using there = place();
    const layout = await there.open();
    const digest = await pushed(layout);
    await layout.update(digest, { a: "b" });
    await layout.delete(digest);
    await pushed(layout);
    assert.deepEqual((await layout.info(digest)).labels, {});
  });
});

everyLayout("walk", (place) => {
  it("of an empty layout yields nothing", async () => {
    await using there = place();
    assert.deepEqual(await walked(await there.open()), []);
  });

  it("of 79 blobs of three algorithms yields each once, by algorithm, then hex, with its labels", async () => {
    await using there = place();
    const layout = await there.open();
    const digests: Digest[] = [];
    for (let n = 0; n < 79; n++) {
      const bytes = utf8(`blob ${n}`);
      const digest: Digest = n === 78
        ? `blake3:${"a".repeat(64)}`
        : digestOf(bytes, n % 2 === 0 ? "sha256" : "sha512");
      digests.push((await put(await there.backend(), bytes, digest)).digest);
    }
    const [first] = digests.sort();
    if (first) await layout.update(first, { a: "b" });
    const infos = await Array.fromAsync(layout.walk());
    assert.deepEqual(infos.map(({ digest }) => digest), digests);
    assert.deepEqual(infos.map(({ labels }) => Object.keys(labels).length), [
      1,
      ...Array(78).fill(0),
    ]);
    assert.deepEqual(infos[5], await layout.info(infos[5]?.digest ?? absent));
  });

  it("finds by digest, size and labels; a bad filter is invalid", async () => {
    await using there = place();
    const layout = await there.open();
    const [three, six] = [await pushed(layout, "foo"), await pushed(layout, "foobar")].sort();
    assert.ok(three && six);
    await layout.update(three, { "a.b": "x", constructor: "own" });
    const big = (await walked(layout, "size==6"))[0];
    assert.deepEqual(await walked(layout), [three, six]);
    assert.deepEqual(await walked(layout, `digest==${six}`), [six]);
    assert.equal(big, digestOf("foobar"));
    assert.deepEqual(await walked(layout, 'labels."a.b"==x'), [three]);
    assert.deepEqual(await walked(layout, 'labels."a.b"'), [three]);
    assert.deepEqual(await walked(layout, "labels.constructor"), [three]);
    assert.deepEqual(await walked(layout, "labels.toString"), []);
    assert.deepEqual(await walked(layout, 'labels."a.b"!=x'), [six]);
    assert.deepEqual(await walked(layout, "size==3", "size==6"), [three, six]);
    assert.deepEqual(await walked(layout, "labels", "size.x", "name"), []);
    await fails(walked(layout, "size==6,"), "invalid", /position 8/);
  });

  it("ends with the error thrown in the loop, or when it is left", async () => {
    await using there = place();
    const layout = await there.open();
    for (const text of ["a", "b", "c"]) await pushed(layout, text);
    let seen = 0;
    const stop = new Error("enough");
    const walk = async () => {
      for await (const _ of layout.walk()) if (++seen === 2) throw stop;
    };
    await assert.rejects(walk(), (error) => error === stop);
    for await (const _ of layout.walk()) break;
    assert.equal(seen, 2);
  });
});
