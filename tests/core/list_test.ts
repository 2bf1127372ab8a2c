import assert from "node:assert/strict";
import { it } from "node:test";
import { type Descriptor, REF_NAME } from "../../core/descriptor.ts";
import type { ListOptions } from "../../core/list.ts";
import { fails } from "../fails.ts";
import { indexOf, pushAll, pushImage } from "../images.ts";
import { inMemory, type Place } from "../layouts.ts";

async function rewrite(place: Place, edit: (manifests: unknown[]) => void): Promise<void> {
  const index = JSON.parse(await place.read("index.json") ?? "{}");
  edit(index.manifests);
  await place.write("index.json", JSON.stringify(index));
}

inMemory("listing", (newPlace) => {
  async function start() {
    const place = newPlace();
    const layout = await place.open();
    const [a, b, c] = [
      await pushImage(layout, "a"),
      await pushImage(layout, "b"),
      await pushImage(layout, "c"),
    ];
    const names = async (options: ListOptions = {}) =>
      (await layout.references(options)).map(({ name }) => name);
    return {
      place,
      layout,
      a,
      b,
      c,
      names,
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  }

  it("names are sorted by code unit; after and limit cut pages of them", async () => {
    await using started = await start();
    const { layout, a, names } = started;
    await layout.tag(a, ["v2", "v3", "v1", "v4", "V1", "v10"]);
    assert.deepEqual(await names(), ["V1", "v1", "v10", "v2", "v3", "v4"]);
    assert.deepEqual(await names({ after: "v2" }), ["v3", "v4"]);
    assert.deepEqual(await names({ after: "v15", limit: 2 }), ["v2", "v3"]);
    assert.deepEqual(await names({ after: "v4" }), []);
    for (const limit of [0, -1]) assert.deepEqual(await names({ limit }), []);
  });

  it("a repository shows its tags", async () => {
    await using started = await start();
    const { layout, a, names } = started;
    await layout.tag(a, [
      "example.com/foo:v1",
      "example.com/foo:latest",
      "test.com/bar:v1",
      "v9",
      "example.com/foo/deep:v1",
    ]);
    assert.deepEqual(await names({ repository: "example.com/foo" }), ["latest", "v1"]);
    assert.deepEqual(await names({ repository: "example.com/foo", after: "latest" }), ["v1"]);
    assert.deepEqual(await names({ repository: "example.com" }), []);
  });

  it("a digest shows its names, without its digest tags if they are not wanted", async () => {
    await using started = await start();
    const { layout, a, b, names } = started;
    const tag = a.digest.replace(":", "-");
    await layout.tag(a.digest, ["v1", "v2", "v3", "v2", `${tag}.sig`, `app:${tag}`]);
    await layout.tag(b, ["v4", tag]);
    assert.deepEqual(await names({ digest: a.digest, digestTags: false }), ["v1", "v2", "v3"]);
    assert.deepEqual(await names({ digest: a.digest }), [
      `app:${tag}`,
      `${tag}.sig`,
      "v1",
      "v2",
      "v3",
    ]);
    assert.deepEqual(await names({ digestTags: false }), ["v1", "v2", "v3", "v4"]);
  });

  it("untagged entries come last, on request", async () => {
    await using started = await start();
    const { layout, a, b, names } = started;
    await layout.tag(a, a.digest);
    await layout.tag(b, "v1");
    assert.deepEqual(await names(), ["v1"]);
    assert.deepEqual(
      (await layout.references({ untagged: true })).map((
        { name, descriptor },
      ) => [name, descriptor.digest]),
      [
        ["v1", b.digest],
        ["", a.digest],
      ],
    );
  });

  it("foreign duplicates are two rows, entries that are none are no row", async () => {
    await using started = await start();
    const { place, a, b, names } = started;
    const entry = (one: Descriptor) => ({ ...one, annotations: { [REF_NAME]: "v1" } });
    await rewrite(
      place,
      (manifests) => manifests.push(entry(a), entry(b), null, { ...entry(a), digest: "sha256:x" }),
    );
    assert.deepEqual(await names(), ["v1", "v1"]);
  });

  it("manifests that are null are none", async () => {
    await using started = await start();
    await started.place.write("index.json", '{"schemaVersion":2,"manifests":null}');
    assert.deepEqual(await started.names(), []);
    await fails(started.layout.single(), "not_found");
    await started.layout.tag(started.a, "v1");
    assert.deepEqual(await started.names(), ["v1"]);
  });
});

inMemory("the single entry", (newPlace) => {
  async function start() {
    const place = newPlace();
    const layout = await place.open();
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    return { place, layout, a, b, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
  }

  it("of an empty layout is not found", async () => {
    await using started = await start();
    await fails(started.layout.single(), "not_found", /it lists nothing$/);
  });

  it("is the one listed, unchanged, under as many names as it has", async () => {
    await using started = await start();
    const { layout, a } = started;
    await layout.tag(a, a.digest);
    assert.deepEqual(await layout.single(), a);
    await layout.tag(a, ["v1", "v2"]);
    assert.equal((await layout.single()).digest, a.digest);
  });

  it("of two images is ambiguous, and both are named", async () => {
    await using started = await start();
    const { layout, a, b } = started;
    await layout.tag(a, "v1");
    await layout.tag(b, b.digest);
    const { message } = await fails(layout.single(), "ambiguous");
    assert.ok(message.includes('"v1"') && message.includes(b.digest));
  });

  it("is the image beside its signature, its digest tag, and children that other tools list", async () => {
    await using started = await start();
    const { layout, a, b } = started;
    const signature = await pushImage(layout, "signature", {
      subject: a,
      artifactType: "test/signature",
    });
    await layout.tag(a, "v1");
    await layout.tag(signature, signature.digest);
    await layout.tag(b, `${a.digest.replace(":", "-")}.att`);
    assert.equal((await layout.single()).digest, a.digest);
    await using other = newPlace();
    const multi = await other.open();
    const [x, y] = [await pushImage(multi, "x"), await pushImage(multi, "y")];
    const index = indexOf([x, y]);
    await pushAll(multi, index);
    await multi.tag(x, x.digest);
    await multi.tag(index.descriptor, index.descriptor.digest);
    await multi.tag(y, y.digest);
    assert.equal((await multi.single()).digest, index.descriptor.digest);
    await multi.tag(y, "named");
    await fails(multi.single(), "ambiguous");
  });

  it("is found beside entries that are none", async () => {
    await using started = await start();
    const { layout, place, a } = started;
    await layout.tag(a, "v1");
    await rewrite(place, (manifests) => manifests.unshift(null, { ...a, digest: "sha256:x" }));
    assert.equal((await layout.single()).digest, a.digest);
  });
});
