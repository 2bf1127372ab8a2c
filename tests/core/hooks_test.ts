import assert from "node:assert/strict";
import { it } from "node:test";
import { type Descriptor, IMAGE_NAME, REF_NAME } from "../../core/descriptor.ts";
import { OciError } from "../../core/errors.ts";
import type { Hook } from "../../core/hook.ts";
import { nameOf } from "../../core/names.ts";
import { fails } from "../fails.ts";
import { copy } from "../../core/mod.ts";
import { imageOf, indexOf, pushAll, pushImage, utf8 } from "../images.ts";
import { inMemory } from "../layouts.ts";

const marked = (one: Descriptor, name: string, value: string): Descriptor => ({
  ...one,
  annotations: { ...one.annotations, [name]: value },
});

inMemory("hooks", (newPlace) => {
  /** A layout with hooks, and two images that are stored. */
  async function start(...hooks: Omit<Hook, "name">[]) {
    const place = newPlace();
    const layout = await place.open({
      hooks: hooks.map((hook, n) => ({ name: `hook-${n + 1}`, ...hook })),
    });
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    return { place, layout, a, b, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
  }

  it("what one makes of an entry goes to the next, and into the index", async () => {
    await using started = await start(
      { beforeTag: (entry) => marked(entry, "order", "1") },
      { beforeTag() {} },
      { beforeTag: (entry) => marked(entry, "order", `${entry.annotations?.["order"]}2`) },
    );
    const { layout, a } = started;
    await layout.tag(a, "v1");
    assert.equal((await layout.resolve("v1")).annotations?.["order"], "12");
  });

  it("each sees named entries that are added or changed, and no others", async () => {
    const seen: (string | undefined)[] = [];
    await using started = await start({ beforeTag: (entry) => void seen.push(nameOf(entry)) });
    const { layout, a, b } = started;
    await layout.tag(a, a.digest);
    await layout.tag(a, ["v1", "v2"]);
    await layout.tag(b, "v3");
    await layout.untag("v3");
    await layout.transaction((tx) => tx.annotate("v1", { kind: "x" }));
    assert.deepEqual(seen, ["v1", "v2", "v3", "v1"]);
  });

  it("it runs again after a lost swap, on the index as it is then", async () => {
    const seen: number[] = [];
    await using started = await start({
      beforeTag: (_, { index }) => void seen.push(index.manifests.length),
    });
    const { layout, place, a, b } = started;
    const other = await place.open();
    await layout.transaction(async (tx) => {
      if (seen.length === 0 && tx.index.manifests.length === 0) await other.tag(b, "theirs");
      await tx.tag(a, "ours");
    });
    assert.deepEqual(seen, [0, 1]);
  });

  it("it adds entries and drops others in the same swap, with blobs it has stored", async () => {
    await using started = await start({
      async beforeTag(entry, context) {
        const former = context.index.manifests.find((one) => one.artifactType === "test/note");
        if (former) context.drop(former);
        const note = await context.put("text/plain", utf8(`note of ${entry.digest}`));
        context.insert({ ...note, artifactType: "test/note" });
      },
    });
    const { layout, a, b } = started;
    await layout.tag(a, "v1");
    await layout.tag(b, "v1");
    const { manifests } = await layout.index();
    assert.deepEqual(manifests.map((one) => one.artifactType ?? nameOf(one)), ["v1", "test/note"]);
    const note = manifests.find((one) => one.artifactType === "test/note");
    assert.ok(note);
    assert.equal(new TextDecoder().decode(await layout.fetchAll(note)), `note of ${b.digest}`);
  });

  it("it cannot drop the entry that is being named", async () => {
    await using started = await start({ beforeTag: (entry, { drop }) => drop(entry) });
    await started.layout.tag(started.a, "v1");
    assert.equal((await started.layout.resolve("v1")).digest, started.a.digest);
  });

  it("what it adds must be a descriptor of what is stored", async () => {
    for (
      const [entry, code] of [[imageOf("elsewhere").descriptor, "not_found"], [
        { digest: "x" },
        "refused",
      ]] as const
    ) {
      await using started = await start({
        beforeTag: (_, { insert }) => insert(entry as Descriptor),
      });
      await fails(started.layout.tag(started.a, "v1"), code);
      assert.equal((await started.layout.index()).manifests.length, 0);
    }
  });

  it("what it throws is a refusal, with its reason and cause, and nothing is written", async () => {
    const cause = new OciError("invalid", "Cannot sign: no key", { reason: "no_key" });
    await using started = await start({
      beforeTag() {
        throw cause;
      },
    });
    const { layout, place, a } = started;
    const before = await place.read("index.json");
    const error = await fails(
      layout.tag(a, "v1"),
      "refused",
      /^Cannot use "v1": hook-1: Cannot sign: no key$/,
    );
    assert.deepEqual([error.reason, error.cause, error.digest, error.ref], [
      "no_key",
      cause,
      a.digest,
      "v1",
    ]);
    assert.equal(await place.read("index.json"), before);
  });

  it("a refusal of one name is a refusal of the transaction, and of no other", async () => {
    await using started = await start({
      beforeTag(entry) {
        if (nameOf(entry) === "bad") throw new Error("no");
      },
    });
    const { layout, a } = started;
    const outcomes = await Promise.allSettled([
      layout.tag(a, "v1"),
      layout.tag(a, ["v2", "bad"]),
      layout.tag(a, "v3"),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
    assert.deepEqual((await layout.references()).map(({ name }) => name), ["v1", "v3"]);
  });

  for (
    const [what, change] of Object.entries({
      "the digest": (one: Descriptor) => ({
        ...one,
        digest: imageOf("elsewhere").descriptor.digest,
      }),
      "the size": (one: Descriptor) => ({ ...one, size: one.size + 1 }),
      "the name": (one: Descriptor) => marked(one, REF_NAME, "v2"),
      "the image name": (one: Descriptor) => marked(one, IMAGE_NAME, "app:v1"),
      "the shape": (one: Descriptor) => ({ ...one, mediaType: "" }),
    })
  ) {
    it(`it cannot change ${what}`, async () => {
      await using started = await start({ beforeTag: change });
      await fails(started.layout.tag(started.a, "v1"), "invalid", /hook "hook-1"/);
      assert.equal((await started.layout.index()).manifests.length, 0);
    });
  }

  it("what follows a name that was set may fail: that is a notice", async () => {
    const seen: string[] = [];
    await using started = await start(
      {
        afterTag() {
          throw new Error("mail server is down");
        },
      },
      {
        afterTag: (entry, { index }) =>
          void seen.push(`${nameOf(entry)} of ${index.manifests.length}`),
      },
    );
    const { layout, a } = started;
    await layout.tag(a, ["v1", "v2"]);
    assert.deepEqual(seen, ["v1 of 2", "v2 of 2"]);
    assert.deepEqual(layout.notices.map(({ code }) => code), ["hook_failed", "hook_failed"]);
    assert.match(
      layout.notices[0]?.message ?? "",
      /^Hook "hook-1" failed after the name was set: mail server is down$/,
    );
  });

  it("nothing follows a name that was not set", async () => {
    await using started = await start({ afterTag: () => assert.fail("it ran") });
    await fails(started.layout.tag(started.a, "no name"), "invalid");
    assert.deepEqual(started.layout.notices, []);
  });

  it("it may edit the layout after a name was set, but not before", async () => {
    await using place = newPlace();
    const failures: unknown[] = [];
    const layout = await place.open({
      hooks: [{
        name: "editor",
        beforeTag: (entry) =>
          layout.tag(entry, "before").then(() => {}, (error) => void failures.push(error)),
        async afterTag(entry) {
          if (nameOf(entry) === "v1") await layout.tag(entry, "after");
        },
      }],
    });
    await layout.tag(await pushImage(layout, "a"), "v1");
    assert.deepEqual((await layout.references()).map(({ name }) => name), ["after", "v1"]);
    assert.equal(failures.length, 2);
    for (const error of failures) await fails(Promise.reject(error), "invalid", /inside another/);
  });

  it("reading by name asks once, about the entry itself; by digest nobody", async () => {
    const seen: Descriptor[] = [];
    await using started = await start({ beforeRead: (entry) => void seen.push(entry) });
    const { layout, a } = started;
    await layout.tag(a, "v1");
    const found = await layout.resolve("v1");
    await layout.fetchAll("v1");
    await layout.resolve(a.digest);
    await layout.fetchAll(a);
    await layout.references();
    assert.deepEqual(seen, [found, found]);
    await layout.resolve(`v1@${a.digest}`);
    assert.equal(seen.length, 3);
  });

  it("a refusal to read is refused, with its reason; a digest reads on", async () => {
    await using started = await start({
      async beforeRead(entry, context) {
        assert.ok((await context.fetchAll(entry.digest)).length > 0);
        throw new OciError("refused", "No valid signature", { reason: "unsigned" });
      },
    });
    const { layout, a } = started;
    await layout.tag(a, "v1");
    for (
      const call of [
        () => layout.resolve("v1"),
        () => layout.fetch("v1"),
        () => layout.fetchAll("v1"),
        () => layout.children("v1"),
        () => layout.readerAt("v1"),
      ]
    ) {
      const error = await fails(call(), "refused", /^Cannot use "v1": hook-1: No valid signature$/);
      assert.equal(error.reason, "unsigned");
    }
    assert.equal((await layout.resolve(a.digest)).digest, a.digest);
  });

  it("retagging by name, choosing the only entry and copying ask first", async () => {
    const seen: (string | undefined)[] = [];
    await using started = await start({ beforeRead: (_, { name }) => void seen.push(name) });
    const { layout, a, place } = started;
    await layout.tag(a, "v1");
    await layout.tag("v1", "v2");
    await layout.single();
    await using target = newPlace();
    await copy(layout, "v2", await target.open());
    await copy(await place.open({ hooks: layout.store.hooks }), undefined, await target.open());
    assert.deepEqual(seen, ["v1", "v1", "v2", "v1", "v2"]);
    await layout.transaction(async (tx) => {
      await tx.tag(a, "own");
      await tx.resolve("own");
    });
    assert.equal(seen.length, 5, "nobody is asked about what the transaction itself has set");
  });

  it("a refused retag leaves the index as it was", async () => {
    await using started = await start({
      beforeRead() {
        throw new OciError("refused", "No valid signature", { reason: "unsigned" });
      },
    });
    const { layout, place, a } = started;
    await layout.tag(a, "v1");
    const before = await place.read("index.json");
    await fails(layout.tag("v1", "v2"), "refused");
    await fails(layout.single(), "refused");
    assert.equal(await place.read("index.json"), before);
  });

  it("an index is asked about as it is listed, before a platform is chosen from it", async () => {
    const seen: string[] = [];
    await using started = await start({ beforeRead: ({ digest }) => void seen.push(digest) });
    const { layout } = started;
    const platform = { os: "linux", architecture: "arm64" };
    const child = { ...await pushImage(layout, "arm", { platform }), platform };
    const root = indexOf([child]);
    await pushAll(layout, root);
    await layout.tag(root.descriptor, "multi");
    const found = await layout.resolve("multi", { platform: "linux/arm64" });
    assert.deepEqual([found.digest, seen], [child.digest, [root.descriptor.digest]]);
  });

  it("a name set anew runs hooks on the very entry; what stays the same is not written", async () => {
    let note = "";
    await using started = await start({
      beforeTag: (entry) => note === "" ? undefined : marked(entry, "note", note),
    });
    const { layout, place, a, b } = started;
    await layout.tag(a, ["v1", "v2"]);
    const before = await place.read("index.json");
    await layout.transaction((tx) => tx.retag("v1"));
    assert.equal(await place.read("index.json"), before);
    note = "seen";
    await layout.transaction((tx) => tx.retag("v1"));
    const notes = (await layout.index()).manifests.map((one) => one.annotations?.["note"]);
    assert.deepEqual(notes, ["seen", undefined]);
    await fails(layout.transaction((tx) => tx.retag("v3")), "not_found");
    const { manifests, ...index } = await layout.index();
    const twice = { ...index, manifests: [...manifests, marked(b, REF_NAME, "v1")] };
    await place.write("index.json", JSON.stringify(twice));
    await fails(layout.transaction((tx) => tx.retag("v1")), "ambiguous");
  });

  it("a name set to what it stands for already runs hooks, and is written only if one changes it", async () => {
    let note = "";
    const seen: (string | undefined)[] = [];
    await using started = await start({
      beforeTag(entry) {
        seen.push(nameOf(entry));
        return note === "" ? undefined : marked(entry, "note", note);
      },
    });
    const { layout, place, a } = started;
    await layout.tag(a, ["v1", "v2"]);
    const before = await place.read("index.json");
    const bare = await place.open();
    for (const one of [layout, bare]) await one.tag(a, "v1");
    await using source = newPlace();
    const other = await source.open();
    await other.tag(await pushImage(other, "a"), "v1");
    await copy(other, "v1", layout);
    assert.equal(await place.read("index.json"), before);
    note = "seen";
    await layout.tag(a, "v1");
    const notes = (await layout.index()).manifests.map((one) => one.annotations?.["note"]);
    assert.deepEqual([notes, seen], [["seen", undefined], ["v1", "v2", "v1", "v1", "v1"]]);
  });

  it("what the place fails a hook in keeps its code: nobody has refused", async () => {
    await using started = await start({
      beforeTag() {
        throw new OciError("unavailable", "Cannot write a blob: no space left on device");
      },
      beforeRead() {
        throw new OciError("read_only", "Cannot lock the state: read-only file system");
      },
    });
    const { layout, place, a } = started;
    await fails(layout.tag(a, "v1"), "unavailable", /^Cannot write a blob: no space/);
    await (await place.open()).tag(a, "v1");
    await fails(layout.resolve("v1"), "read_only", /^Cannot lock the state/);
  });

  it("it sees the edits made so far, and a name it inserts replaces what bore it", async () => {
    const names: (string | undefined)[][] = [];
    const notes: string[] = [];
    await using started = await start({
      async beforeTag(entry, context) {
        names.push(context.edited.manifests.map(nameOf));
        notes.push(nameOf(entry) ?? "");
        const note = await context.put("text/plain", utf8(notes.join()));
        context.insert(marked(note, REF_NAME, "notes"));
      },
    });
    await started.layout.tag(started.a, ["v1", "v2"]);
    assert.deepEqual(names, [["v1", "v2"], ["v1", "v2", "notes"]]);
    assert.equal(new TextDecoder().decode(await started.layout.fetchAll("notes")), "v1,v2");
  });

  it("it keeps documents of its own, and looks at blobs", async () => {
    await using started = await start({
      async afterTag(entry, { docs, blobs }) {
        const seen = await docs.load("names.json");
        const sizes = `${seen?.text ?? ""}${(await blobs.stat(entry.digest))?.size} `;
        await docs.swap("names.json", sizes, seen);
        assert.deepEqual(await Array.fromAsync(docs.list("")), ["names.json"]);
        assert.ok((await Array.fromAsync(blobs.list())).length > 0);
      },
    });
    const { layout, place, a } = started;
    await layout.tag(a, ["v1", "v2"]);
    assert.deepEqual(layout.notices, []);
    assert.equal(await place.read(".stowage/hook-1/names.json"), `${a.size} ${a.size} `);
  });
});
