import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Descriptor,
  digestOf,
  type Hook,
  type Layout,
  MANIFEST_TYPE,
  openLayout,
} from "../../core/mod.ts";
import { digestTag } from "../../core/referrers.ts";
import { put } from "../contract/suite.ts";
import { printSealed } from "../../core/index_text.ts";
import { fails } from "../fails.ts";
import { broken, withBlobs } from "../faults.ts";
import {
  type Blobbed,
  blobOf,
  imageOf,
  indexOf,
  jsonOf,
  LAYER_TYPE,
  pushAll,
  utf8,
} from "../images.ts";
import { everyLayout, makePlace, type Place } from "../layouts.ts";

const absent = digestOf("not stored");
const config = blobOf("{}", "application/vnd.oci.image.config.v1+json");

/** A manifest over a config that all share. */
function manifestOf(layers: readonly Blobbed[], subject?: Blobbed, more: object = {}): Blobbed {
  return jsonOf({
    mediaType: MANIFEST_TYPE,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...(subject ? { subject: subject.descriptor } : {}),
    ...more,
  }, MANIFEST_TYPE);
}

const layers = Object.fromEntries(
  ["a", "b", "c", "d", "e"].map((name) => [name, blobOf(name, LAYER_TYPE)]),
) as Record<"a" | "b" | "c" | "d" | "e", Blobbed>;

/** What a layout holds, by the names this test gives its blobs. */
type Known = Readonly<Record<string, Blobbed>>;

/** Pushes blobs and lists some: `name: tag`, or an empty tag for an entry without a name. */
async function filled(
  there: Place,
  known: Known,
  listed: Readonly<Record<string, string>>,
): Promise<Layout> {
  const layout = await there.open();
  await pushAll(layout, config, ...Object.values(known));
  await layout.transaction(async (tx) => {
    for (const [name, tag] of Object.entries(listed)) {
      const { descriptor } = known[name] as Blobbed;
      if (tag === "") tx.insert(descriptor);
      else await tx.tag(descriptor, tag);
    }
  });
  return layout;
}

/** What is stored and what is listed now. */
async function left(layout: Layout, known: Known): Promise<{ stored: string[]; listed: string[] }> {
  const names = new Map(
    Object.entries(known).map(([name, { descriptor }]) => [descriptor.digest, name]),
  );
  const blobs = await Array.fromAsync(layout.walk());
  return {
    stored: blobs.map(({ digest }) => names.get(digest) ?? "config").sort(),
    listed: (await layout.index()).manifests.map(({ digest }) => names.get(digest) ?? digest)
      .sort(),
  };
}

const { a, b, c, d, e } = layers;

everyLayout("deleting a blob", (place) => {
  it("that nothing refers to removes it; then it is not_found, or success if missing is fine", async () => {
    await using there = place();
    const layout = await there.open();
    const { digest, size } = (await layout.push({}, utf8("loose"))).descriptor;
    const { blobs, entries } = await layout.delete(digest);
    assert.deepEqual(blobs.map((blob) => [blob.digest, blob.size]), [[digest, size]]);
    assert.deepEqual(entries, []);
    assert.equal(await layout.exists(digest), false);
    const error = await fails(layout.delete(digest), "not_found");
    assert.deepEqual([error.digest, error.url], [digest, there.url.href]);
    assert.deepEqual(await layout.delete(digest, { ignoreMissing: true }), {
      entries: [],
      blobs: [],
    });
  });

  it("that is a layer of a tagged image is refused, naming parent and tag; force removes it, with a notice", async () => {
    await using there = place();
    const image = manifestOf([a, b]);
    const layout = await filled(there, { a, b, image }, { image: "app:v1" });
    const index = indexOf([image.descriptor]);
    await pushAll(layout, index);
    await layout.tag(index.descriptor, "multi");
    const { message } = await fails(
      layout.delete(b.descriptor.digest),
      "refused",
      /app:v1 > layer 2/,
    );
    assert.ok(message.includes(image.descriptor.digest));
    await fails(layout.delete(config.descriptor.digest), "refused", /app:v1 > config/);
    assert.equal(await layout.exists(b.descriptor.digest), true);
    await layout.delete(b.descriptor.digest, { force: true });
    assert.equal(await layout.exists(b.descriptor.digest), false);
    assert.deepEqual(layout.notices.map(({ code, digest }) => [code, digest]), [[
      "forced",
      b.descriptor.digest,
    ]]);
  });

  it("that is missing drops its entries, if missing is fine", async () => {
    await using there = place();
    const image = manifestOf([a]);
    const layout = await filled(there, { a, image }, {});
    await layout.tag({ ...image.descriptor, digest: absent }, "gone", { sparse: true });
    await layout.tag(image.descriptor, "kept");
    await fails(layout.delete(absent), "not_found");
    const { entries } = await layout.delete(absent, { ignoreMissing: true });
    assert.deepEqual(entries.map(({ digest }) => digest), [absent]);
    assert.deepEqual((await layout.references()).map(({ name }) => name), ["kept"]);
  });

  it("of a layout opened to read is read_only, inside of a transaction invalid", async () => {
    await using there = place();
    const layout = await filled(there, { a }, {});
    await fails((await there.open({ mode: "read" })).delete(a.descriptor.digest), "read_only");
    await fails(layout.transaction(() => layout.delete(a.descriptor.digest)), "invalid");
    assert.equal(await layout.exists(a.descriptor.digest), true);
  });
});

/** What is pushed, what is listed (by name), what is deleted and how, what stays. */
interface Case {
  readonly known: Known;
  readonly listed: Readonly<Record<string, string>>;
  readonly gone: string;
  readonly options?: Parameters<Layout["delete"]>[1];
  readonly stored: readonly string[];
  readonly entries: readonly string[];
}

const one = manifestOf([a]);
const two = manifestOf([a, b]);
const three = manifestOf([c]);
const both = indexOf([one.descriptor, two.descriptor]);
const outer = indexOf([both.descriptor, three.descriptor]);
const signature = manifestOf([d], one);
const counter = manifestOf([e], signature);
const weak = { one, signature, counter, a, d, e };

const CASES: Readonly<Record<string, Case>> = {
  "a manifest goes with all its entries and what nothing else needs; shared blobs stay": {
    known: { one, two, a, b },
    listed: { one: "v1", two: "v2" },
    gone: "two",
    stored: ["a", "config", "one"],
    entries: ["one"],
  },
  "without cascade only the manifest goes, its children stay": {
    known: { one, two, a, b },
    listed: { one: "v1", two: "v2" },
    gone: "two",
    options: { cascade: false },
    stored: ["a", "b", "config", "one"],
    entries: ["one"],
  },
  "untagged referrers of referrers go with their own blobs": {
    known: weak,
    listed: { one: "v1", signature: "", counter: "" },
    gone: "one",
    stored: [],
    entries: [],
  },
  "referrers of what goes stay if they are to be kept": {
    known: weak,
    listed: { one: "v1", signature: "", counter: "" },
    gone: "one",
    options: { referrers: "keep" },
    stored: ["config", "counter", "d", "e", "signature"],
    entries: ["counter", "signature"],
  },
  "named referrers go along if all are to": {
    known: weak,
    listed: { one: "v1", signature: "sig", counter: "" },
    gone: "one",
    options: { referrers: "all" },
    stored: [],
    entries: [],
  },
  "named referrers lose their subject if they are to be kept": {
    known: weak,
    listed: { one: "v1", signature: "sig", counter: "" },
    gone: "one",
    options: { referrers: "keep" },
    stored: ["config", "counter", "d", "e", "signature"],
    entries: ["counter", "signature"],
  },
  "digest tags go with their subject": {
    known: { one, two, a, b },
    listed: { one: "v1", two: `${digestTag(one.descriptor.digest)}.sig` },
    gone: "one",
    stored: [],
    entries: [],
  },
  "a referrer of a child that stays, stays": {
    known: { both, outer, ...weak, two, b, three, c },
    listed: { both: "both", outer: "outer", signature: "", counter: "" },
    gone: "outer",
    stored: ["a", "b", "both", "config", "counter", "d", "e", "one", "signature", "two"],
    entries: ["both", "counter", "signature"],
  },
  "an index goes with its children, listed without a name or not, and their referrers": {
    known: { both, ...weak, two, b },
    listed: { both: "both", one: "", two: "", signature: "", counter: "" },
    gone: "both",
    stored: [],
    entries: [],
  },
  "a tagged child stays with its blobs, the rest goes": {
    known: { both, one, two, a, b },
    listed: { both: "both", one: "v1" },
    gone: "both",
    stored: ["a", "config", "one"],
    entries: ["one"],
  },
  "nested indexes go as a whole, what another holds stays": {
    known: { outer, both, one, two, three, a, b, c },
    listed: { outer: "all", three: "v3" },
    gone: "outer",
    stored: ["c", "config", "three"],
    entries: ["three"],
  },
  "a manifest that a retag has dropped goes with what is under it": {
    known: { one, two, a, b },
    listed: { one: "v1" },
    gone: "two",
    stored: ["a", "config", "one"],
    entries: ["one"],
  },
  "the subject of a child that stays, stays": {
    known: (() => {
      const index = indexOf([one.descriptor]);
      const proofs = indexOf([signature.descriptor]);
      return { index, proofs, one, signature, a, d };
    })(),
    listed: { index: "v1", proofs: "proofs" },
    gone: "index",
    stored: ["a", "config", "d", "one", "proofs", "signature"],
    entries: ["proofs"],
  },
  "what a manifest of an unknown type holds, stays": {
    known: (() => {
      const json = { config: config.descriptor, layers: [a.descriptor] };
      return { one, a, unknown: jsonOf(json, "application/x.manifest+json") };
    })(),
    listed: { one: "v1", unknown: "x" },
    gone: "one",
    stored: ["a", "config", "unknown"],
    entries: ["unknown"],
  },
  "a node that is child and referrer at once goes once": {
    known: (() => {
      const index = indexOf([one.descriptor, signature.descriptor]);
      return { index, one, signature, a, d };
    })(),
    listed: { index: "v1", signature: "" },
    gone: "index",
    stored: [],
    entries: [],
  },
  "an untagged referrer of something else stays, though an index that goes lists it": {
    known: (() => {
      const index = indexOf([signature.descriptor]);
      return { index, one, signature, a, d };
    })(),
    listed: { index: "v1", one: "v2", signature: "" },
    gone: "index",
    stored: ["a", "config", "d", "one", "signature"],
    entries: ["one", "signature"],
  },
};

describe("what a deletion takes along", () => {
  for (
    const [why, { known, listed, gone, options = {}, stored, entries }] of Object.entries(CASES)
  ) {
    it(why, async () => {
      await using there = makePlace("memory");
      const layout = await filled(there, known, listed);
      const { digest } = (known[gone] as Blobbed).descriptor;
      const before = await left(layout, known);
      const report = await layout.delete(digest, options);
      assert.deepEqual(await left(layout, known), { stored, listed: entries });
      assert.equal(report.entries.length, before.listed.length - entries.length);
      assert.equal(report.blobs.length, before.stored.length - stored.length);
      assert.deepEqual(layout.notices, []);
    });
  }
});

everyLayout("deleting from a graph", (place) => {
  it("all names of a digest go with it", async () => {
    await using there = place();
    const layout = await filled(there, { one, a }, { one: "v1" });
    await layout.tag("v1", ["v2", "app:v3", one.descriptor.digest]);
    const { entries } = await layout.delete(one.descriptor.digest);
    assert.equal(entries.length, 3);
    assert.deepEqual((await layout.index()).manifests, []);
  });

  it("what a hook ties to something that stays, stays, and is refused by itself", async () => {
    await using there = place();
    const known = { a, c, one, three };
    await filled(there, known, { one: "v1", three: "v3" });
    const hook: Hook = {
      name: "ties",
      edges: ({ digest }) => digest === three.descriptor.digest ? [a.descriptor] : [],
    };
    const layout = await there.open({ hooks: [hook] });
    await fails(layout.delete(a.descriptor.digest), "refused");
    await layout.delete(one.descriptor.digest);
    assert.deepEqual((await left(layout, known)).stored, ["a", "c", "config", "three"]);
    await fails(layout.delete(a.descriptor.digest), "refused", /v3/);
  });

  it("a child that another index holds is refused, naming it", async () => {
    await using there = place();
    const layout = await filled(there, { a, b, one, two, both }, { both: "both", one: "" });
    await fails(layout.delete(one.descriptor.digest), "refused", /both > manifest 1/);
    await fails(layout.delete(one.descriptor.digest, { cascade: false }), "refused");
  });

  it("a referrer with a name of its own is refused, unless forced: it loses its subject then", async () => {
    await using there = place();
    const layout = await filled(there, weak, { one: "v1", signature: "sig", counter: "" });
    const { digest } = one.descriptor;
    await fails(layout.delete(digest), "refused", /"sig"/);
    await fails(layout.delete(digest, { cascade: false }), "refused", /"sig"/);
    assert.equal((await layout.index()).manifests.length, 3);
    await layout.delete(digest, { force: true });
    assert.deepEqual((await left(layout, weak)).listed, ["counter", "signature"]);
    assert.deepEqual(layout.notices.map(({ code }) => code), ["forced"]);
  });

  it("a broken manifest can be deleted; one that stays stops the deletion of others", async () => {
    await using there = place();
    await filled(there, { one, three, a, c }, { one: "v1", three: "v3" });
    await put(await there.backend(), utf8("x"), one.descriptor.digest);
    const fresh = await there.open();
    await fails(fresh.delete(three.descriptor.digest), "corrupt", /v1/);
    await fresh.delete(one.descriptor.digest);
    assert.deepEqual((await left(fresh, { one, three, a, c })).stored, [
      "a",
      "c",
      "config",
      "three",
    ]);
  });

  it("manifests go before what they hold", async () => {
    await using there = place();
    await filled(there, { a, b, one, two, both }, { both: "both" });
    const order: string[] = [];
    const backend = withBlobs(await there.backend(), ({ delete: remove }) => ({
      delete: (
        seen,
        options,
      ) => (order.push(...seen.map(({ digest }) => digest)), remove(seen, options)),
    }));
    await (await openLayout(backend, { mode: "write" })).delete(both.descriptor.digest);
    const nodes = [both, one, two].map(({ descriptor }) => descriptor.digest as string);
    assert.deepEqual(order.slice(0, 3).sort(), nodes.sort());
    assert.equal(order.length, 6);
  });
});

everyLayout("deleting beside others", (place) => {
  it("entries are gone before any byte, and a failure leaves bytes, never entries", async () => {
    await using there = place();
    await filled(there, { a, one }, { one: "v1" });
    let entries: readonly Descriptor[] | undefined;
    const backend = withBlobs(await there.backend(), () => ({
      async delete(seen) {
        entries = (await (await there.open({ mode: "read" })).index()).manifests;
        return seen.map(({ digest }) => ({ digest, outcome: "failed", error: broken() }));
      },
    }));
    const layout = await openLayout(backend, { mode: "write" });
    const error = await fails(layout.delete(one.descriptor.digest), "unavailable");
    assert.equal(error.url, there.url.href);
    assert.deepEqual(entries, []);
    assert.equal(await layout.exists(a.descriptor.digest), true);
  });

  it("a blob that a writer adopts meanwhile is left alone", async () => {
    await using there = place();
    const known = { a, one };
    await filled(there, known, { one: "v1" });
    const writer = await there.open();
    const backend = withBlobs(await there.backend(), ({ delete: remove }) => ({
      async delete(seen, options) {
        await pushAll(writer, a);
        return await remove(seen, options);
      },
    }));
    const layout = await openLayout(backend, { mode: "write" });
    const { blobs } = await layout.delete(one.descriptor.digest);
    assert.equal(blobs.length, 2);
    assert.deepEqual((await left(layout, known)).stored, ["a"]);
  });

  it("a push that had made sure of a blob before it went makes sure again: nothing listed is missing", async () => {
    await using there = place();
    const layout = await filled(there, { a, b, one, two }, { one: "v1" });
    const writer = await there.open();
    // The writer relies on all of `two`, and is about to list it when its blobs go.
    await pushAll(writer, config, a, b, two);
    await layout.delete(two.descriptor.digest);
    assert.equal(await layout.exists(b.descriptor.digest), false);
    await fails(writer.tag(two.descriptor, "v2"), "not_found");
    await pushAll(writer, config, a, b, two);
    await writer.tag(two.descriptor, "v2");
    assert.deepEqual(await writer.fetchAll(b.descriptor), new Uint8Array(b.bytes));
  });

  it("a tag that comes in between makes the deletion look again, and refuse", async () => {
    await using there = place();
    await filled(there, { a, one }, {});
    const other = await there.open();
    let first = true;
    const real = await there.backend();
    const backend = {
      ...real,
      docs: {
        ...real.docs,
        async swap(...[name, text, seen]: Parameters<typeof real.docs.swap>) {
          if (name === "index.json" && first) {
            first = false;
            await other.tag(one.descriptor, "v1");
          }
          return await real.docs.swap(name, text, seen);
        },
      },
    };
    const layout = await openLayout(backend, { mode: "write" });
    await fails(layout.delete(a.descriptor.digest), "refused", /v1 > layer 1/);
    assert.equal(await layout.exists(a.descriptor.digest), true);
  });

  it("while a collection is open the entries go, and the bytes are left to it", async () => {
    await using there = place();
    const layout = await filled(there, { a, one }, { one: "v1" });
    const index = await layout.index();
    const annotations = { ...index.annotations, "dev.stowage.gc": "7 open abc" };
    await there.write("index.json", printSealed({ ...index, annotations }));
    const { entries, blobs } = await layout.delete(one.descriptor.digest);
    assert.deepEqual([entries.length, blobs.length], [1, 0]);
    assert.equal(await layout.exists(one.descriptor.digest), true);
    assert.equal((await layout.index()).annotations?.["dev.stowage.gc"], "7 open abc");
  });

  it("a store that cannot tell copies apart is unsupported", async () => {
    await using there = place();
    const { descriptor } = await (await there.open()).push({}, imageOf("x").bytes);
    const real = await there.backend();
    const { renew: _, ...blobs } = real.blobs;
    const layout = await openLayout({ ...real, blobs }, { mode: "write" });
    await fails(layout.delete(descriptor.digest), "unsupported");
  });
});
