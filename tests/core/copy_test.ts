import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { copy, type Digest, openLayout, type ProgressEvent } from "../../core/mod.ts";
import { bytesOf, noise, put } from "../contract/suite.ts";
import {
  counted,
  declining,
  digests,
  first,
  images,
  index,
  names,
  second,
  source,
} from "../copies.ts";
import { fails } from "../fails.ts";
import { broken, contentsOf, withBlobs, withIngests } from "../faults.ts";
import { pushAll, utf8 } from "../images.ts";
import { everyLayout, type Kind, makePlace, type Place } from "../layouts.ts";

/** Describes what holds from and to every kind of store. */
function everyPair(name: string, body: (from: () => Place, to: () => Place) => void): void {
  const pairs: readonly (readonly [Kind, Kind])[] = [["memory", "memory"], ["memory", "dir"], [
    "dir",
    "dir",
  ], ["dir", "memory"]];
  for (const [a, b] of pairs) {
    describe(`${name}, ${a} to ${b}`, () => body(() => makePlace(a), () => makePlace(b)));
  }
}

everyPair("a copy", (from, to) => {
  it("of everything brings all nodes and names, and back again", async () => {
    await using a = from();
    await using b = to();
    const layout = await source(a);
    await layout.transaction((tx) => tx.insert(second.descriptor));
    const target = await b.open();
    const { copied, leftOut, missing, tally } = await copy(layout, undefined, target);
    assert.deepEqual(copied.map(({ source, names }) => [source, names]), [
      [index.descriptor.digest, ["v1"]],
      [first.descriptor.digest, ["one"]],
      [second.descriptor.digest, []],
    ]);
    assert.deepEqual(copied[0]?.descriptor, await target.resolve("v1"));
    assert.deepEqual([leftOut, missing], [[], []]);
    const { blobs, skipped, sent, adopted, resumed, bytes, sentBytes } = tally;
    const sum = [...images, index].reduce((all, { bytes }) => all + bytes.length, 0);
    assert.deepEqual([blobs, skipped, sent + adopted, resumed, bytes], [7, 0, 7, 0, sum]);
    assert.ok(adopted > 0 ? sentBytes < sum : sentBytes === sum);
    for (const { descriptor, bytes } of [...images, index]) {
      assert.deepEqual(await target.fetchAll(descriptor), new Uint8Array(bytes));
    }
    assert.deepEqual(await contentsOf(await b.backend()), await contentsOf(await a.backend()));

    await layout.untag("v1");
    await copy(target, "v1", layout);
    assert.deepEqual(await names(layout), ["one", "v1"]);
    assert.deepEqual((await layout.index()).manifests.length, 3);
  });

  it("of what is stored already moves nothing, of a part moves the rest", async () => {
    await using a = from();
    await using b = to();
    const layout = await source(a);
    const target = await b.open();
    await pushAll(target, first.config, second.layer);
    const { tally } = await copy(layout, "v1", target);
    assert.deepEqual([tally.skipped, tally.sent + tally.adopted], [2, 5]);
    const again = await copy(layout, ["v1", "one"], target);
    assert.deepEqual([again.tally.sent, again.tally.adopted, again.tally.skipped], [0, 0, 4]);
    assert.deepEqual(await names(target), ["one", "v1"]);
  });
});

everyLayout("what a copy sets", (place) => {
  it("by name the name, by digest none, by `as` others, in one swap", async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    const target = await b.open();
    const { digest } = first.descriptor;
    await copy(layout, digest, target);
    assert.deepEqual((await target.index()).manifests, [first.descriptor]);
    const generation = async () => (await target.index()).annotations?.["dev.stowage.generation"];
    const before = Number(await generation() ?? 0);
    const { copied } = await copy(layout, "one", target, { as: ["a", "app/x:v1", "a"] });
    assert.equal(Number(await generation()), before + 1);
    assert.deepEqual(copied[0]?.names, ["a", "app/x:v1", "a"]);
    assert.deepEqual(await names(target), ["a", "app/x:v1"]);
    await copy(layout, `one@${digest}`, target);
    assert.deepEqual(await names(target), ["a", "app/x:v1", "one"]);
    await fails(copy(layout, ["one", "v1"], target, { as: "x" }), "invalid");
    await fails(copy(layout, undefined, target, { as: "x" }), "invalid");
    await fails(copy(layout, "none", target), "not_found");
  });

  it("keeps the annotations of an entry, says what a name meant before, and heeds what is expected", async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    await layout.tag("one", "noted", { annotations: { note: "x" } });
    const target = await b.open();
    await copy(layout, "v1", target, { as: "noted" });
    await fails(copy(layout, "noted", target, { expect: null }), "already_exists");
    await fails(copy(layout, "noted", target, { expect: first.descriptor.digest }), "conflict");
    const { copied } = await copy(layout, "noted", target, {
      expect: index.descriptor.digest,
      keepPrevious: true,
    });
    assert.equal(copied[0]?.previous, index.descriptor.digest);
    assert.equal((await target.resolve("noted")).annotations?.["note"], "x");
    assert.equal((await target.index()).manifests.length, 2);
  });

  it("within one place changes names only", async () => {
    await using a = place();
    const layout = await source(a);
    const { over, seen } = counted(await a.backend());
    const { tally } = await copy(layout, "v1", await openLayout(over, { mode: "write" }), {
      as: "v2",
    });
    assert.deepEqual([tally.sent, tally.adopted, tally.skipped], [0, 0, 1]);
    assert.equal(seen.bytes, 0);
    assert.equal((await layout.resolve("v2")).digest, index.descriptor.digest);
  });

  it("is what the name meant when the copy began", async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    const target = await b.open();
    await copy(layout, "one", target, {
      onNode: async () => void await (await a.open()).tag(second.descriptor, "one"),
    });
    assert.equal((await target.resolve("one")).digest, first.descriptor.digest);
  });

  it("a layout opened to read takes nothing", async () => {
    await using a = place();
    await using b = place();
    await b.open();
    await fails(copy(await source(a), "v1", await b.open({ mode: "read" })), "read_only");
    assert.deepEqual((await contentsOf(await b.backend())).blobs, []);
  });
});

everyLayout("what a copy skips", (place) => {
  it("a root the target lists: its children are not read, the name is set", async () => {
    await using a = place();
    await using b = place();
    await source(a);
    const target = await b.open();
    await copy(await a.open(), "v1", target);
    const { over, seen } = counted(await a.backend());
    const { tally } = await copy(await openLayout(over), "v1", target, { as: "v2" });
    assert.deepEqual([tally.skipped, tally.blobs, seen.reads], [1, 1, []]);
    assert.deepEqual(await names(target), ["v1", "v2"]);
  });

  it("a root that is stored but not listed: its children are checked", async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    const target = await b.open();
    await pushAll(target, index, first);
    await copy(layout, "v1", target);
    assert.deepEqual(
      await target.fetchAll(first.layer.descriptor),
      new Uint8Array(first.layer.bytes),
    );
  });

  it("`deep` finds what is missing or cut short below a listed root, at any depth", async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    const target = await b.open();
    await copy(layout, "v1", target);
    for (const damage of [first.layer, second, second.config]) {
      await target.delete(damage.descriptor.digest, { force: true, cascade: false });
      if (damage !== second) await put(await b.backend(), utf8("cut"), damage.descriptor.digest);
      await copy(layout, "v1", target);
      const { tally } = await copy(layout, "v1", target, { deep: true });
      assert.deepEqual([tally.sent + tally.adopted, tally.skipped], [1, 6]);
      assert.deepEqual(await target.fetchAll(damage.descriptor), new Uint8Array(damage.bytes));
    }
  });

  it('`deep: "verify"` finds what is damaged, and stores it again once it has the right bytes', async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    const target = await b.open();
    await copy(layout, "v1", target);
    const damaged = [first.layer, second];
    for (const { descriptor: { digest, size } } of damaged) {
      await target.delete(digest, { force: true, cascade: false });
      await put(await b.backend(), noise(size), digest);
    }
    target.notices.length = 0;
    assert.equal((await copy(layout, "v1", target, { deep: true })).tally.skipped, 7);
    const failing = withBlobs(await a.backend(), () => ({ read: () => Promise.reject(broken()) }));
    await fails(copy(await openLayout(failing), "v1", target, { deep: "verify" }), "unavailable");
    const before = await contentsOf(await b.backend());
    assert.equal(before.blobs.length, 7);
    const { tally } = await copy(layout, "v1", target, { deep: "verify" });
    assert.deepEqual([tally.sent, tally.adopted, tally.skipped], [2, 0, 5]);
    assert.deepEqual(target.notices.map(({ code }) => code), ["damaged", "damaged"]);
    for (const { descriptor, bytes } of damaged) {
      assert.deepEqual(await target.fetchAll(descriptor), new Uint8Array(bytes));
    }
    assert.equal((await copy(layout, "v1", target, { deep: "verify" })).tally.skipped, 7);
  });
});

everyLayout("what a copy adopts", (place, kind) => {
  it("is not read; what the target declines is", async () => {
    await using a = place();
    await using b = place();
    await source(a);
    for (const adopts of [true, false]) {
      const { over, seen } = counted(await a.backend());
      const target = await b.backend();
      const taken: Digest[] = [];
      const to = withBlobs(target, () => ({
        async adopt(from, blob) {
          assert.equal(from.href, a.url.href);
          if (!adopts) return false;
          taken.push(blob.digest);
          await put(
            target,
            await bytesOf(await (await a.backend()).blobs.read(blob.digest)),
            blob.digest,
          );
          return true;
        },
      }));
      const layout = await openLayout(to, { mode: "create" });
      const { tally } = await copy(await openLayout(over), adopts ? "one" : "v1", layout);
      const { descriptor } = adopts ? first.layer : second.layer;
      assert.equal(seen.reads.includes(descriptor.digest), !adopts);
      assert.deepEqual([tally.adopted, tally.sent], adopts ? [2, 1] : [0, 4]);
      assert.equal(taken.length, adopts ? 2 : 0);
      await layout.resolve(adopts ? "one" : "v1");
    }
  });

  it(`from another ${kind} moves no bytes of leaves`, async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    const { tally } = await copy(layout, "v1", await b.open());
    assert.deepEqual([tally.adopted, tally.sent], [4, 3]);
  });
});

everyLayout("the events of a copy", (place) => {
  it("begin with start, tell each blob and name, and end with the tally", async () => {
    await using a = place();
    await using b = place();
    const layout = await source(a);
    const target = await b.open();
    const events: ProgressEvent[] = [];
    const { tally } = await copy(layout, "v1", target, { onEvent: (event) => events.push(event) });
    assert.deepEqual(events[0], { type: "start", id: "copy", action: "copy", place: b.url.href });
    assert.deepEqual(events.at(-1), { type: "end", id: "copy", ok: true, tally });
    assert.deepEqual(events.at(-2), {
      type: "reference",
      id: "copy",
      name: "v1",
      digest: index.descriptor.digest,
    });
    const settled = events.flatMap((event) =>
      event.type === "blob" && event.state !== "moving" ? [event.digest] : []
    );
    assert.deepEqual(
      settled.sort(),
      digests([...images, index].map(({ descriptor }) => descriptor)).sort(),
    );
  });

  it("of a failure tell the blob, and end all the same", async () => {
    await using a = place();
    await using b = place();
    await source(a);
    const failing = withIngests(declining(await b.backend()), (ingest) => ({
      commit: (blob) =>
        blob.digest === first.layer.descriptor.digest
          ? Promise.reject(broken())
          : ingest.commit(blob),
    }));
    const events: ProgressEvent[] = [];
    const to = await openLayout(failing, { mode: "create" });
    await fails(
      copy(await a.open(), "v1", to, { onEvent: (event) => events.push(event) }),
      "unavailable",
    );
    const failed = events.filter((event) => event.type === "blob" && event.state === "failed");
    assert.ok(
      failed.some((event) =>
        event.type === "blob" && event.digest === first.layer.descriptor.digest
      ),
    );
    const last = events.at(-1);
    assert.ok(last?.type === "end" && !last.ok);
  });
});
