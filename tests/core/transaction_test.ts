import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { it } from "node:test";
import { type Descriptor, IMAGE_NAME, REF_NAME, TAGGED } from "../../core/descriptor.ts";
import { type Digest, digestOf } from "../../core/digest.ts";
import type { ErrorCode } from "../../core/errors.ts";
import type { Layout } from "../../core/layout.ts";
import { nameOf } from "../../core/names.ts";
import { openLayout } from "../../core/open_layout.ts";
import type { Transaction } from "../../core/transaction.ts";
import { fails } from "../fails.ts";
import { blobOf, imageOf, indexOf, pushAll, pushImage, utf8 } from "../images.ts";
import { everyLayout, inMemory, type Place } from "../layouts.ts";

const unknown = digestOf("unknown");

/** Names and first hex digits of the entries, in order. */
async function listing(layout: Layout): Promise<string[]> {
  const { manifests } = await layout.index();
  return manifests.map((one) => `${nameOf(one) ?? "-"} ${one.digest.slice(7, 12)}`);
}

const short = (name: string, { digest }: Descriptor) => `${name} ${digest.slice(7, 12)}`;

/** Edits the index as another tool would: it rewrites it, in any shape. */
async function rewrite(
  place: Place,
  edit: (index: { manifests: unknown[] }) => void,
): Promise<void> {
  const index = JSON.parse(await place.read("index.json") ?? "{}");
  edit(index);
  await place.write("index.json", JSON.stringify(index));
}

/** Runs an edit that must fail, and change nothing. */
async function refused(place: Place, edit: Promise<unknown>, code: ErrorCode, message?: RegExp) {
  edit.catch(() => {}); // Told below.
  const before = await place.read("index.json");
  const error = await fails(edit, code, message);
  assert.equal(await place.read("index.json"), before, "something was written");
  return error;
}

inMemory("tagging", (newPlace) => {
  /** A layout with images that are stored and not listed. */
  async function start(...texts: string[]) {
    const place = newPlace();
    const layout = await place.open();
    const images: Descriptor[] = [];
    for (const text of texts) images.push(await pushImage(layout, text));
    const [a, b, c] = images;
    assert.ok(a);
    return {
      place,
      layout,
      a,
      b: b ?? a,
      c: c ?? a,
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  }

  it("a new name goes last, after what is untagged", async () => {
    await using started = await start("a", "b", "c");
    const { layout, a, b, c } = started;
    await layout.tag(a, a.digest);
    await layout.tag(b, b.digest);
    await layout.tag(c, "ver1");
    assert.deepEqual(await listing(layout), [short("-", a), short("-", b), short("ver1", c)]);
    assert.equal((await layout.resolve("ver1")).annotations?.[REF_NAME], "ver1");
  });

  it("a name with a repository is spelled for every tool, and each is found in full", async () => {
    await using started = await start("a", "b", "c");
    const { layout, a, b, c } = started;
    await layout.tag(a, "app/name:v1");
    await layout.tag(b, "app/name:v1.0");
    await layout.tag(c, "app/other:latest");
    const { manifests } = await layout.index();
    assert.deepEqual(
      manifests.map(({ annotations }) => [annotations?.[REF_NAME], annotations?.[IMAGE_NAME]]),
      [["v1", "app/name:v1"], ["v1.0", "app/name:v1.0"], ["latest", "app/other:latest"]],
    );
    assert.equal((await layout.resolve("app/name:v1.0")).digest, b.digest);
  });

  it("a retag leaves the untagged and the others where they are", async () => {
    await using started = await start("a", "b", "c");
    const { layout, a, b, c } = started;
    await layout.tag(c, c.digest);
    await layout.tag(a, "app/name:v1");
    await layout.tag(a, "app/name:v2");
    await layout.tag(b, "app/name:v1");
    assert.deepEqual(await listing(layout), [
      short("-", c),
      short("app/name:v2", a),
      short("app/name:v1", b),
    ]);
  });

  it("a retag keeps the spelling that another tool gave the name", async () => {
    await using started = await start("a", "b");
    const { place, layout, a, b } = started;
    const name = "docker.io/library/app:v1";
    await rewrite(
      place,
      (index) => index.manifests.push({ ...a, annotations: { [REF_NAME]: name } }),
    );
    await layout.tag(b, name);
    const [entry] = (await layout.index()).manifests;
    assert.deepEqual([entry?.annotations?.[REF_NAME], entry?.annotations?.[IMAGE_NAME]], [
      name,
      undefined,
    ]);
  });

  it("a frozen descriptor under two names stays as it is; each entry has its own name", async () => {
    await using started = await start("a");
    const { layout, a } = started;
    const frozen = Object.freeze({ ...a, annotations: Object.freeze({ kind: "test" }) });
    await layout.tag(frozen, ["v1", "v2", "v1"]);
    assert.deepEqual(frozen.annotations, { kind: "test" });
    assert.deepEqual((await layout.references()).map(({ name }) => name), ["v1", "v2"]);
    for (const name of ["v1", "v2"]) {
      const { annotations } = await layout.resolve(name);
      assert.deepEqual([annotations?.[REF_NAME], annotations?.["kind"]], [name, "test"]);
    }
  });

  it("a manifest that was listed untagged and is tagged has one entry", async () => {
    await using started = await start("a");
    const { layout, a } = started;
    await layout.tag(a, a.digest);
    await layout.tag(a.digest, "v1");
    assert.deepEqual(await listing(layout), [short("v1", a)]);
  });

  it("its own digest as name lists it untagged, once; the second time nothing is written", async () => {
    await using started = await start("a");
    const { place, layout, a } = started;
    await layout.tag(a, a.digest);
    const text = await place.read("index.json");
    await layout.tag(a.digest, a.digest);
    assert.equal(await place.read("index.json"), text);
    assert.deepEqual(await listing(layout), [short("-", a)]);
  });

  it("the same name on the same descriptor writes nothing, whoever asks", async () => {
    await using started = await start("a");
    const { place, layout, a } = started;
    await layout.tag(a, ["v1", "app:v2"], { annotations: { kind: "x" } });
    const text = await place.read("index.json");
    await layout.tag(a, "v1", { annotations: { kind: "x" } });
    await layout.tag("v1", "app:v2");
    await (await place.open()).tag(a.digest, "v1");
    assert.equal(await place.read("index.json"), text);
  });

  it("edits that undo each other write nothing", async () => {
    await using started = await start("a");
    const { place, layout, a } = started;
    await layout.tag(a, "v1");
    const text = await place.read("index.json");
    await layout.transaction(async (tx) => {
      await tx.tag(a, "v2");
      tx.untag("v2");
      tx.annotate("v1", { kind: null, org: null });
    });
    assert.equal(await place.read("index.json"), text);
  });

  it("a plain blob can be tagged, and its name moved to another", async () => {
    await using started = await start("a");
    const { layout } = started;
    const [one, two] = [blobOf("one"), blobOf("two")];
    await pushAll(layout, one, two);
    await layout.tag(one.descriptor, "file");
    assert.equal((await layout.resolve("file")).digest, one.descriptor.digest);
    await layout.tag(two.descriptor, "file");
    assert.equal((await layout.resolve("file")).digest, two.descriptor.digest);
    assert.equal((await layout.index()).manifests.length, 1);
  });

  it("a digest is tagged with the entry it has, else with what is stored", async () => {
    await using started = await start("a", "b");
    const { layout, a, b } = started;
    await layout.tag({ ...a, later: 1 }, "v1", { annotations: { kind: "x" } });
    await layout.tag(a.digest, "v2");
    assert.deepEqual([
      (await layout.resolve("v2"))["later"],
      (await layout.resolve("v2")).annotations?.["kind"],
    ], [1, "x"]);
    await layout.tag(b.digest, "v3");
    assert.equal((await layout.resolve("v3")).mediaType, b.mediaType);
  });

  it("annotations are laid over those of the entry; null removes one", async () => {
    await using started = await start("a");
    const { layout, a } = started;
    await layout.tag({ ...a, annotations: { keep: "1", drop: "2", change: "3" } }, "v1", {
      annotations: { drop: null, change: "4", [REF_NAME]: "never" },
    });
    const { [TAGGED]: tagged, ...annotations } = (await layout.resolve("v1")).annotations ?? {};
    assert.match(tagged ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(annotations, { keep: "1", change: "4", [REF_NAME]: "v1" });
  });

  it("platform picks the child that is tagged", async () => {
    await using started = await start("a");
    const { layout, a } = started;
    const index = indexOf([{ ...a, platform: { os: "linux", architecture: "amd64" } }]);
    await pushAll(layout, index);
    await layout.tag(index.descriptor, "multi");
    await layout.tag("multi", "one", { platform: "linux/amd64" });
    assert.equal((await layout.resolve("one")).digest, a.digest);
  });

  it("what the tag gives back is the entries as they stand", async () => {
    await using started = await start("a");
    const { layout, a } = started;
    const set = await layout.tag(a, ["v1", "app:v2"]);
    assert.deepEqual(set, (await layout.index()).manifests);
  });

  it("a broken entry among good ones stays as it is, the others can be edited", async () => {
    await using started = await start("a", "b");
    const { place, layout, a, b } = started;
    const broken = { ...a, digest: "sha256:1234", annotations: { [REF_NAME]: "broken" } };
    const unusable = { ...b, annotations: { [REF_NAME]: "number", x: 5 } };
    await rewrite(place, (index) => index.manifests.push(broken, null, unusable));
    await layout.tag(a, "v1");
    await layout.transaction((tx) => tx.annotate("v1", { kind: "x" }));
    await fails(layout.transaction((tx) => tx.annotate("number", { kind: "x" })), "not_found");
    assert.deepEqual((await layout.index()).manifests.slice(0, 3), [broken, null, unusable]);
    assert.equal((await layout.resolve("v1")).annotations?.["kind"], "x");
    await layout.untag("broken");
    assert.deepEqual((await layout.index()).manifests.slice(0, 2), [null, unusable]);
  });

  it("what a broken entry lists is not taken for stored", async () => {
    await using started = await start("a");
    const { place, layout } = started;
    const { descriptor } = imageOf("elsewhere");
    await rewrite(place, (index) => index.manifests.push({ ...descriptor, size: "5" }));
    await refused(place, layout.tag(descriptor, "v1"), "not_found");
  });

  const descriptor = imageOf("elsewhere").descriptor;
  const REFUSED:
    readonly (readonly [what: string, target: unknown, name: string, code: ErrorCode])[] = [
      ["content that is not stored", descriptor, "v1", "not_found"],
      ["a digest that is not stored", unknown, "v1", "not_found"],
      ["a name that is unknown", "v9", "v1", "not_found"],
      ["an empty target", "", "v1", "invalid"],
      [
        "a digest that is none",
        { ...descriptor, digest: "invalid-digest" },
        "v1",
        "invalid_digest",
      ],
      [
        "a digest of sha1",
        { ...descriptor, digest: `sha1:${"0".repeat(40)}` },
        "v1",
        "invalid_digest",
      ],
      [
        "a digest that is a path",
        { ...descriptor, digest: "sha256:../../index.json" },
        "v1",
        "invalid_digest",
      ],
      ["a digest that is short", "sha256:1234", "v1", "invalid_digest"],
      ["a size below zero", { ...descriptor, size: -1 }, "v1", "invalid"],
      ["a size of 2^62", { ...descriptor, size: 2 ** 62 }, "v1", "invalid"],
      ["a size that is text", { ...descriptor, size: "5" }, "v1", "invalid"],
      ["no media type", { ...descriptor, mediaType: "" }, "v1", "invalid"],
      ["annotations of numbers", { ...descriptor, annotations: { x: 5 } }, "v1", "invalid"],
    ];
  for (const [what, target, name, code] of REFUSED) {
    it(`${what} cannot be tagged: ${code}`, async () => {
      await using started = await start("a");
      const { place, layout } = started;
      await refused(place, layout.tag(target as Descriptor, name), code);
    });
  }

  for (
    const name of [
      "",
      "a b",
      "a\nb",
      "\u001b[2J",
      "x".repeat(256),
      unknown,
      `app@${unknown}`,
      "../x",
    ]
  ) {
    it(`the name ${JSON.stringify(name.slice(0, 20))} cannot be written`, async () => {
      await using started = await start("a");
      const { place, layout, a } = started;
      await refused(place, layout.tag(a, name), "invalid");
      await refused(place, layout.tag(a, ["fine", name]), "invalid");
    });
  }

  it("a size other than the stored one is invalid, listed or not", async () => {
    await using started = await start("a");
    const { place, layout, a } = started;
    await refused(place, layout.tag({ ...a, size: a.size + 1 }, "v1"), "invalid");
    await layout.tag(a, "v1");
    await refused(place, layout.tag({ ...a, size: a.size - 1 }, "v2"), "invalid");
  });

  it("a blob that is listed as a file and tagged as an image must have what the image needs", async () => {
    await using started = await start("a");
    const { place, layout } = started;
    const image = imageOf("incomplete");
    await pushAll(layout, image);
    await layout.tag({ ...image.descriptor, mediaType: "application/octet-stream" }, "file");
    await refused(place, layout.tag(image.descriptor, "image"), "not_found");
  });

  it("a missing layer is named; with sparse the name is set and the layout declared sparse", async () => {
    await using started = await start("a");
    const { place, layout } = started;
    const image = imageOf("incomplete");
    await pushAll(layout, image.config, image);
    const { message } = await refused(place, layout.tag(image.descriptor, "v1"), "not_found");
    assert.ok(message.includes(image.layer.descriptor.digest), message);
    await layout.tag(image.descriptor, "v1", { sparse: true });
    assert.equal((await layout.resolve("v1")).digest, image.descriptor.digest);
    assert.equal(JSON.parse(await place.read(".stowage/layout.json") ?? "{}").sparse, true);
    const other = imageOf("other");
    await pushAll(layout, other);
    await layout.tag(other.descriptor, "v2");
  });

  it("sparse declares nothing where all is there", async () => {
    await using started = await start("a");
    const { place, layout, a } = started;
    await layout.tag(a, "v1", { sparse: true });
    assert.equal(await place.read(".stowage/layout.json"), undefined);
  });

  it("a layout that another process declared sparse is one", async () => {
    await using started = await start("a");
    const { place, layout } = started;
    await place.open({ sparse: true });
    const image = imageOf("incomplete");
    await pushAll(layout, image);
    await layout.tag(image.descriptor, "v1");
    await refused(place, layout.tag({ ...image.descriptor, size: 1 }, "v2"), "invalid");
  });

  it("a child that is missing in a nested index is named with its path", async () => {
    await using started = await start("a");
    const { place, layout, a } = started;
    const image = imageOf("incomplete");
    await pushAll(layout, image.config, image);
    const inner = indexOf([a, image.descriptor]);
    const outer = indexOf([inner.descriptor]);
    await pushAll(layout, inner, outer);
    await refused(
      place,
      layout.tag(outer.descriptor, "v1"),
      "not_found",
      /manifest 1 > manifest 2 > layer 1/,
    );
  });
});

inMemory("untagging", (newPlace) => {
  async function start() {
    const place = newPlace();
    const layout = await place.open();
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    return { place, layout, a, b, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
  }

  it("one of two names on a digest goes, the other remains", async () => {
    await using started = await start();
    const { layout, a } = started;
    await layout.tag(a, ["v1", "v2"]);
    const former = await layout.untag("v1");
    assert.deepEqual(former.map(({ digest }) => digest), [a.digest]);
    assert.deepEqual(await listing(layout), [short("v2", a)]);
  });

  it("with keepPrevious the last name leaves an untagged entry, and the blob", async () => {
    await using started = await start();
    const { layout, a } = started;
    await layout.tag(a, "v1", { annotations: { kind: "x" } });
    await layout.untag("v1", { keepPrevious: true });
    const { manifests } = await layout.index();
    assert.deepEqual(manifests, [{ ...a, annotations: { kind: "x" } }]);
    assert.ok(await layout.exists(a.digest));
  });

  it("a retag with keepPrevious keeps the former entry listed, in its place", async () => {
    await using started = await start();
    const { layout, a, b } = started;
    await layout.tag(a, "v1");
    await layout.tag(b, "v2");
    await layout.tag(b, "v1", { keepPrevious: true });
    assert.deepEqual(await listing(layout), [short("-", a), short("v2", b), short("v1", b)]);
    assert.deepEqual(await layout.resolve(a.digest), a);
  });

  it("the only entry leaves an index that is an array of none", async () => {
    await using started = await start();
    const { place, layout, a } = started;
    await layout.tag(a, "v1");
    await layout.untag("v1");
    assert.match(await place.read("index.json") ?? "", /"manifests":\[\]/);
  });

  it("every foreign entry of the name goes", async () => {
    await using started = await start();
    const { place, layout, a, b } = started;
    const entry = (one: Descriptor) => ({ ...one, annotations: { [REF_NAME]: "v1" } });
    await rewrite(place, (index) => index.manifests.push(entry(a), b, entry(a), entry(b)));
    assert.equal((await layout.untag("v1")).length, 3);
    assert.deepEqual(await listing(layout), [short("-", b)]);
  });

  it("a name outside our rules, as other tools write them, can be untagged", async () => {
    await using started = await start();
    const { place, layout, a } = started;
    for (const name of ["a b", `app@${a.digest}`, "é", "x".repeat(300)]) {
      await rewrite(
        place,
        (index) => index.manifests.push({ ...a, annotations: { [REF_NAME]: name } }),
      );
      await layout.untag(name);
    }
    assert.deepEqual(await listing(layout), []);
  });

  it("a tag finds its full name, if it is one", async () => {
    await using started = await start();
    const { place, layout, a, b } = started;
    await layout.tag(a, "app:v1");
    await layout.tag(b, "other:v1");
    await refused(place, layout.untag("v1"), "ambiguous", /"app:v1", "other:v1"$/);
    await layout.untag("other:v1");
    await layout.untag("v1");
    assert.deepEqual(await listing(layout), []);
  });

  it("a suffix of a foreign full name is not enough", async () => {
    await using started = await start();
    const { place, layout, a } = started;
    await rewrite(
      place,
      (index) => index.manifests.push({ ...a, annotations: { [IMAGE_NAME]: "docker.io/app:v1" } }),
    );
    assert.equal((await layout.resolve("v1")).digest, a.digest);
    await refused(place, layout.untag("v1"), "not_found");
  });

  for (
    const [name, code] of [
      ["", "invalid"],
      [unknown, "invalid"],
      ["sha256:x", "invalid"],
      ["v9", "not_found"],
      ["__proto__", "not_found"],
      ["a\nb", "not_found"],
    ] as const
  ) {
    it(`${JSON.stringify(name.slice(0, 20))} gives ${code}`, async () => {
      await using started = await start();
      const { place, layout, a } = started;
      await layout.tag(a, "v1");
      await refused(place, layout.untag(name), code);
    });
  }
});

inMemory("expectations", (newPlace) => {
  async function start() {
    const place = newPlace();
    const layout = await place.open();
    const [a, b, c] = [
      await pushImage(layout, "a"),
      await pushImage(layout, "b"),
      await pushImage(layout, "c"),
    ];
    await layout.tag(a, "v1");
    return { place, layout, a, b, c, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
  }

  it("a name is set if it has the digest expected, else conflict names both", async () => {
    await using started = await start();
    const { place, layout, a, b, c } = started;
    await layout.tag(b, "v1", { expect: a.digest });
    const { message } = await refused(place, layout.tag(c, "v1", { expect: a.digest }), "conflict");
    assert.ok(message.includes(a.digest) && message.includes(b.digest), message);
    await refused(
      place,
      layout.tag(c, "new", { expect: a.digest }),
      "conflict",
      /it names nothing, not sha256/,
    );
  });

  it("a name that must be free is, or already_exists", async () => {
    await using started = await start();
    const { place, layout, b } = started;
    await layout.tag(b, "new", { expect: null });
    await refused(
      place,
      layout.tag(b, "new", { expect: null }),
      "already_exists",
      /it names sha256:\w+ already$/,
    );
  });

  it("untagging expects likewise", async () => {
    await using started = await start();
    const { place, layout, a, b } = started;
    await refused(place, layout.untag("v1", { expect: b.digest }), "conflict");
    await layout.untag("v1", { expect: a.digest });
    await refused(place, layout.tag(a, "v1", { expect: "latest" as Digest }), "invalid_digest");
  });

  it("foreign duplicates must all have the digest", async () => {
    await using started = await start();
    const { place, layout, a, b, c } = started;
    await rewrite(
      place,
      (index) => index.manifests.push({ ...b, annotations: { [REF_NAME]: "v1" } }),
    );
    await refused(place, layout.tag(c, "v1", { expect: a.digest }), "conflict");
    await refused(place, layout.tag(c, "v1", { expect: b.digest }), "conflict");
  });

  it("of many that expect the same digest one wins, the others get conflict", async () => {
    await using started = await start();
    const { place, layout, a } = started;
    const writers = await Promise.all(Array.from({ length: 6 }, () => place.open()));
    const images = await Promise.all(writers.map((writer, n) => pushImage(writer, `new ${n}`)));
    const outcomes = await Promise.allSettled(
      writers.map((writer, n) => writer.tag(images[n] ?? a, "v1", { expect: a.digest })),
    );
    const won = outcomes.findIndex(({ status }) => status === "fulfilled");
    assert.equal((await layout.resolve("v1")).digest, images[won]?.digest);
    for (const [n, one] of outcomes.entries()) {
      if (n !== won) {
        await fails(
          one.status === "rejected" ? Promise.reject(one.reason) : Promise.resolve(),
          "conflict",
        );
      }
    }
  });

  it("a transaction keeps all its expectations or none of its edits", async () => {
    await using started = await start();
    const { place, layout, a, b, c } = started;
    await refused(
      place,
      layout.transaction(async (tx) => {
        await tx.tag(b, "fine");
        await tx.tag(c, "v1", { expect: b.digest });
      }),
      "conflict",
    );
    await layout.transaction(async (tx) => {
      await tx.tag(b, "fine", { expect: null });
      await tx.tag(c, "v1", { expect: a.digest });
      await tx.tag(a, "v1", { expect: c.digest });
    });
    assert.equal((await layout.resolve("v1")).digest, a.digest);
  });
});

everyLayout("transactions", (newPlace) => {
  /** A layout whose index swaps are counted. */
  async function start() {
    const place = newPlace();
    await place.open();
    const backend = await place.backend();
    let swaps = 0;
    const swap = (name: string, ...rest: [string | undefined, undefined]) => {
      if (name === "index.json") swaps++;
      return backend.docs.swap(name, ...rest);
    };
    const layout = await openLayout({
      ...backend,
      docs: { ...backend.docs, swap: swap as typeof backend.docs.swap },
    }, { mode: "write" });
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    return {
      place,
      layout,
      a,
      b,
      swaps: () => swaps,
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  }

  it("one that throws writes nothing, and passes on what was thrown", async () => {
    await using started = await start();
    const { place, layout, a, swaps } = started;
    const before = await place.read("index.json");
    const mine = new RangeError("mine");
    const failing = layout.transaction(async (tx) => {
      await tx.tag(a, ["v1", "v2"]);
      throw mine;
    });
    assert.equal(await failing.catch((error) => error), mine);
    assert.equal(await place.read("index.json"), before);
    assert.equal(swaps(), 0);
  });

  it("many edits are one swap; reads within see them, reads beside do not", async () => {
    await using started = await start();
    const { layout, a, b, swaps } = started;
    const result = await layout.transaction(async (tx) => {
      await tx.tag(a, ["v1", "v2"]);
      assert.equal((await tx.resolve("v1")).digest, a.digest);
      assert.equal(tx.index.manifests.length, 2);
      await fails(layout.resolve("v1"), "not_found");
      tx.untag("v2");
      await fails(tx.resolve("v2"), "not_found");
      tx.insert(b);
      tx.annotate(b.digest, { kind: "x" });
      return tx.remove(b.digest).length;
    });
    assert.equal(result, 1);
    assert.equal(swaps(), 1);
    assert.deepEqual(await listing(layout), [short("v1", a)]);
  });

  it("edits that arrive at once share swaps, and fail alone", async () => {
    await using started = await start();
    const { layout, a, swaps } = started;
    const edits = Array.from(
      { length: 40 },
      (_, n) => layout.tag(a, n === 20 ? "no name" : `v${n}`),
    );
    const outcomes = await Promise.allSettled(edits);
    assert.equal(outcomes.filter(({ status }) => status === "rejected").length, 1);
    assert.equal((await layout.references()).length, 39);
    assert.ok(swaps() <= 3, `${swaps()} swaps`);
  });

  it("an edit that cannot be written as JSON fails alone", async () => {
    await using started = await start();
    const { layout, a } = started;
    const outcomes = await Promise.allSettled([
      layout.tag(a, "v1"),
      layout.tag({ ...a, later: 1n }, "v2"),
      layout.tag(a, "v3"),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  });

  it("one inside another of the same layout is invalid, however deep; beside it is not", async () => {
    await using started = await start();
    const { place, layout, a, b } = started;
    const other = await place.open();
    const nest = (fn: (tx: Transaction) => unknown) =>
      layout.transaction(async (tx) => void await fn(tx));
    await refused(place, nest(() => layout.tag(a, "v1")), "invalid", /inside another/);
    await using second = newPlace();
    const elsewhere = await second.open();
    const image = await pushImage(elsewhere, "e");
    await refused(place, nest(() => elsewhere.transaction(() => layout.tag(a, "v1"))), "invalid");
    await nest((tx) => Promise.all([tx.tag(a, "v1"), elsewhere.tag(image, "v1")]));
    await Promise.all([nest((tx) => tx.tag(a, "v2")), layout.tag(b, "v3"), other.tag(b, "v4")]);
    assert.equal((await layout.references()).length, 4);
  });

  it("each runs in the context of its own caller, whoever publishes it", async () => {
    await using started = await start();
    const { layout, a } = started;
    const caller = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    await Promise.all(
      ["x", "y", "z"].map((name) =>
        caller.run(name, () =>
          layout.transaction(async (tx) => {
            seen.push([name, caller.getStore()]);
            await tx.tag(a, name);
          }))
      ),
    );
    assert.deepEqual(seen, [["x", "x"], ["y", "y"], ["z", "z"]]);
  });

  it("one runs again on what another writer left", async () => {
    await using started = await start();
    const { place, layout, a, b } = started;
    const other = await place.open();
    const seen: number[] = [];
    await layout.transaction(async (tx) => {
      seen.push(tx.index.manifests.length);
      if (seen.length === 1) await other.tag(b, "theirs");
      await tx.tag(a, "ours");
    });
    assert.deepEqual(seen, [0, 1]);
    assert.deepEqual((await layout.references()).map(({ name }) => name), ["ours", "theirs"]);
  });

  it("what another tool writes between load and swap stays, beside ours", async () => {
    await using started = await start();
    const { place, layout, a, b } = started;
    let first = true;
    await layout.transaction(async (tx) => {
      if (first) {
        first = false;
        await rewrite(
          place,
          (index) => index.manifests.push({ ...b, annotations: { [REF_NAME]: "theirs" } }),
        );
      }
      await tx.tag(a, "ours");
    });
    assert.deepEqual((await layout.references()).map(({ name }) => name), ["ours", "theirs"]);
  });

  it("annotate edits in place, refuses names, and every entry of a digest", async () => {
    await using started = await start();
    const { place, layout, a, b } = started;
    await layout.tag(a, ["v1", "v2"]);
    await layout.tag(b, "v3");
    await layout.transaction((tx) => tx.annotate(a.digest, { kind: "x" }));
    assert.deepEqual(await listing(layout), [short("v1", a), short("v2", a), short("v3", b)]);
    assert.deepEqual(
      (await layout.index()).manifests.map(({ annotations }) => annotations?.["kind"]),
      ["x", "x", undefined],
    );
    const annotate = (target: string, map: Record<string, string>) =>
      layout.transaction((tx) => tx.annotate(target, map));
    await refused(place, annotate("v1", { [REF_NAME]: "x" }), "invalid");
    await refused(place, annotate("v1", { [IMAGE_NAME]: "x" }), "invalid");
    await refused(place, annotate("v9", { kind: "x" }), "not_found");
    await refused(place, annotate(unknown, { kind: "x" }), "not_found");
    await refused(place, annotate("sha256:x", { kind: "x" }), "invalid_digest");
    await refused(place, annotate("v1", { kind: 5 as unknown as string }), "invalid");
  });

  it("annotate by a tag of two repositories is ambiguous", async () => {
    await using started = await start();
    const { place, layout, a, b } = started;
    await layout.tag(a, "a/x:v1");
    await layout.tag(b, "b/x:v1");
    await refused(place, layout.transaction((tx) => tx.annotate("v1", { kind: "x" })), "ambiguous");
  });

  it("remove drops every entry of a digest; unknown ones are not found", async () => {
    await using started = await start();
    const { place, layout, a, b } = started;
    await layout.tag(a, ["v1", "v2"]);
    await layout.tag(b, "v3");
    assert.equal((await layout.transaction((tx) => tx.remove(a.digest))).length, 2);
    assert.deepEqual(await listing(layout), [short("v3", b)]);
    await refused(place, layout.transaction((tx) => tx.remove(a.digest)), "not_found");
    await refused(place, layout.transaction((tx) => tx.remove("../x" as Digest)), "invalid_digest");
  });

  it("insert lists once, and only what is stored and a descriptor", async () => {
    await using started = await start();
    const { place, layout, a } = started;
    await layout.transaction((tx) => {
      tx.insert(a);
      tx.insert({ ...a });
    });
    assert.deepEqual(await listing(layout), [short("-", a)]);
    const insert = (one: Descriptor) => layout.transaction((tx) => tx.insert(one));
    await refused(place, insert(imageOf("elsewhere").descriptor), "not_found");
    await refused(place, insert({ ...a, digest: "sha1:00" }), "invalid_digest");
    await refused(place, insert({ ...a, size: -5 }), "invalid");
  });

  it("on a layout opened to read every edit is read_only, and touches nothing", async () => {
    await using started = await start();
    const { place, layout, a } = started;
    await layout.tag(a, "v1");
    const before = await place.snapshot();
    const reader = await place.open({ mode: "read" });
    for (
      const edit of [
        () => reader.tag(a, "v2"),
        () => reader.untag("v1"),
        () => reader.transaction(() => assert.fail("it was run")),
        () => reader.pushManifest(utf8("{}")),
        () => reader.push({}, utf8("x")),
      ]
    ) await fails(edit(), "read_only");
    assert.deepEqual(await place.snapshot(), before);
  });
});
