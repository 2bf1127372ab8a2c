// The two stores this library grew from, operation by operation: ORAS v1 `pkg/content/oci.go` and BuildKit
// `client/ociindex/ociindex.go`. Each test is named after the operation, and shows what it does here, and that what it
// got wrong is right.
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Descriptor, IMAGE_NAME, REF_NAME } from "../core/descriptor.ts";
import { digestOf } from "../core/digest.ts";
import type { OpenMode } from "../core/backend.ts";
import { openLayout } from "../core/open_layout.ts";
import { fails } from "./fails.ts";
import { blobOf, type Image, imageOf, indexOf, pushAll, pushImage, utf8 } from "./images.ts";
import { everyLayout, hastyClock, type Place } from "./layouts.ts";

const DOCKER_TYPE = "application/vnd.docker.distribution.manifest.v2+json";
const unknown = digestOf("unknown");
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A stream that tells whether it was closed. */
function watched(bytes: Uint8Array) {
  const seen = { read: false, closed: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      seen.read = true;
      controller.enqueue(bytes);
      controller.close();
    },
    cancel: () => void (seen.closed = true),
  }, { highWaterMark: 0 });
  return { stream, seen };
}

/** Rewrites the index as another tool would. */
async function rewrite(
  place: Place,
  edit: (index: Record<string, unknown> & { manifests: unknown[] }) => void,
) {
  const index = JSON.parse(await place.read("index.json") ?? "{}");
  edit(index);
  await place.write("index.json", JSON.stringify(index));
}

everyLayout("ORAS v1", (newPlace) => {
  async function start() {
    const place = newPlace();
    const layout = await place.open();
    return { place, layout, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
  }

  it("NewOCI: `create` makes a whole layout at once, `read` and `write` nothing", async () => {
    await using place = newPlace();
    for (const mode of ["read", "write"] as const) await fails(place.open({ mode }), "not_found");
    assert.deepEqual(await place.snapshot(), {});
    await place.open();
    assert.equal(await place.read("oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    assert.deepEqual(JSON.parse(await place.read("index.json") ?? ""), {
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [],
    });
  });

  it("validateOCILayoutFile: another version is unsupported, none is not made up for a reader", async () => {
    await using started = await start();
    const { place } = started;
    const open = (mode: OpenMode) => place.open({ mode, clock: hastyClock() });
    await place.write("oci-layout", '{"imageLayoutVersion":"2.0.0"}');
    for (const mode of ["read", "write", "create"] as const) await fails(open(mode), "unsupported");
    await place.write("oci-layout", "garbage");
    for (const mode of ["read", "write", "create"] as const) await fails(open(mode), "corrupt");
    await place.write("oci-layout", undefined);
    await fails(open("read"), "not_found");
    assert.equal(await place.read("oci-layout"), undefined);
  });

  it("LoadIndex: each call sees the index as it is, and nothing of what it was", async () => {
    await using started = await start();
    const { place, layout } = started;
    const [a, b] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    await layout.tag({ ...a, platform: { os: "linux", architecture: "arm64" } }, "v1", {
      annotations: { kind: "a" },
    });
    await rewrite(
      place,
      (index) => index.manifests = [{ ...b, annotations: { [REF_NAME]: "v1" } }],
    );
    assert.deepEqual(await layout.resolve("v1"), { ...b, annotations: { [REF_NAME]: "v1" } });
    assert.deepEqual((await layout.index()).manifests.length, 1);
  });

  it("SaveIndex: order, duplicates, untagged entries and unknown members stay; empty is []; the last writer loses nothing", async () => {
    await using started = await start();
    const { place, layout } = started;
    const images: Descriptor[] = [];
    for (const name of ["z", "a", "m", "q"]) images.push(await pushImage(layout, name));
    const [z, a, m, q] = images;
    assert.ok(z && a && m && q);
    const named = (one: Descriptor, name: string) => ({
      ...one,
      annotations: { [REF_NAME]: name },
    });
    await rewrite(place, (index) => {
      index["later"] = true;
      index.manifests = [named(z, "z"), a, named(m, "m"), named(m, "m")];
    });
    const other = await place.open();
    await Promise.all([layout.tag(q, "q"), other.tag(q, "r")]);
    const index = await layout.index();
    assert.deepEqual(index.manifests.slice(0, 4), [named(z, "z"), a, named(m, "m"), named(m, "m")]);
    assert.deepEqual(index.manifests.slice(4).map((one) => one.annotations?.[REF_NAME]).sort(), [
      "q",
      "r",
    ]);
    assert.equal(index["later"], true);
    for (const name of ["z", "m", "q", "r"]) await layout.untag(name);
    await layout.transaction((tx) => void tx.remove(a.digest));
    assert.match(
      await place.read("index.json") ?? "",
      /"mediaType":"application\/vnd\.oci\.image\.index\.v1\+json".*"manifests":\[\]/,
    );
  });

  it("Resolver, Resolve: names, digests, children and platforms; a miss is not_found", async () => {
    await using started = await start();
    const { layout } = started;
    const child = {
      ...await pushImage(layout, "a"),
      platform: { os: "linux", architecture: "amd64" },
    };
    const index = indexOf([child]);
    await pushAll(layout, index);
    await layout.tag(index.descriptor, "v1");
    assert.equal((await layout.resolve("v1")).digest, index.descriptor.digest);
    assert.deepEqual(await layout.resolve(index.descriptor.digest), index.descriptor);
    assert.equal((await layout.resolve(child.digest)).mediaType, child.mediaType);
    assert.deepEqual(await layout.resolve("v1", { platform: "linux/amd64" }), child);
    const error = await fails(layout.resolve("v2"), "not_found");
    assert.deepEqual([error.ref, error.url], ["v2", layout.url.href]);
  });

  it("Fetcher, Fetch: the bytes of the name, verified, and the stream closes itself", async () => {
    await using started = await start();
    const { place, layout } = started;
    const [one, two] = [blobOf("one"), blobOf("two")];
    await pushAll(layout, one, two);
    await layout.tag(one.descriptor, "first");
    await layout.tag(two.descriptor, "second");
    assert.equal(
      await new Response(await layout.fetch("second") as ReadableStream<Uint8Array<ArrayBuffer>>)
        .text(),
      "two",
    );
    assert.equal(text(await layout.fetchAll(one.descriptor.digest)), "one");
    await fails(layout.fetch("third"), "not_found");
    await fails(layout.fetch(unknown), "not_found");
    const backend = await place.backend();
    const source = watched(utf8("not one"));
    const lying = await openLayout({
      ...backend,
      blobs: { ...backend.blobs, read: () => Promise.resolve(source.stream) },
    });
    await fails(lying.fetchAll({ ...one.descriptor, size: 7 }), "corrupt");
    const unread = watched(utf8("one"));
    const patient = await openLayout({
      ...backend,
      blobs: { ...backend.blobs, read: () => Promise.resolve(unread.stream) },
    });
    await (await patient.fetch("first")).cancel();
    assert.ok(unread.seen.closed, "the store's stream was left open");
  });

  it("ReaderAt: bytes at any offset, closed by its scope", async () => {
    await using started = await start();
    const { layout } = started;
    const blob = blobOf("foobar");
    await pushAll(layout, blob);
    const reader = await layout.readerAt(blob.descriptor);
    assert.equal(text(await reader.read(3, 7)), "bar");
    assert.equal(text(await reader.read(6, 1)), "");
    await reader[Symbol.asyncDispose]();
    await fails(reader.read(0, 1), "invalid");
  });

  it("Pusher: cuts at the last @, and only before a digest", async () => {
    await using started = await start();
    const { layout } = started;
    const image = imageOf("a");
    const { digest } = image.descriptor;
    for (const name of ["v1", "user@host", "reg.example:5000/app:v1"]) {
      const pusher = layout.pusher(`${name}@${digest}`);
      for (const { descriptor, bytes } of [image.config, image.layer, image]) {
        await pusher.push(descriptor, bytes);
      }
      assert.equal((await layout.resolve(name)).digest, digest, name);
    }
    assert.throws(() => layout.pusher("v1"), { code: "invalid" });
    assert.throws(() => layout.pusher("user@host"), { code: "invalid" });
  });

  it("Push: the name is set once all is stored, never before, never for less; Docker manifests too", async () => {
    await using started = await start();
    const { layout } = started;
    for (
      const [name, image] of Object.entries<Image>({
        oci: imageOf("a"),
        docker: imageOf("b", { mediaType: DOCKER_TYPE }),
      })
    ) {
      const pusher = layout.pusher(`${name}@${image.descriptor.digest}`);
      const broken = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.error(new Error("torn")),
      });
      await assert.rejects(pusher.push(image.descriptor, broken));
      await fails(layout.resolve(name), "not_found");
      await fails(pusher.push(image.descriptor, image.bytes), "not_found");
      await fails(layout.resolve(name), "not_found");
      await Promise.all(
        [image.config, image.layer].map(({ descriptor, bytes }) => pusher.push(descriptor, bytes)),
      );
      await fails(layout.resolve(name), "not_found");
      assert.ok((await pusher.push(image.descriptor, image.bytes)).existed);
      assert.equal((await layout.resolve(name)).digest, image.descriptor.digest);
      assert.equal((await layout.resolve(name)).mediaType, image.descriptor.mediaType);
    }
  });

  it("Push: two blobs of one name do not meet in one ingest", async () => {
    await using started = await start();
    const { layout } = started;
    const image = imageOf("a");
    const pusher = layout.pusher(`v1@${image.descriptor.digest}`);
    const writers = await Promise.all(
      [image.config, image.layer].map(({ descriptor }) => pusher.openWriter(descriptor)),
    );
    const [config, layer] = writers;
    assert.ok(config && layer);
    await layer.write(image.layer.bytes);
    await config.write(image.config.bytes);
    await Promise.all([config.commit(), layer.commit()]);
    await pusher.push(image.descriptor, image.bytes);
    assert.equal((await layout.resolve("v1")).digest, image.descriptor.digest);
  });

  it("AddReference: is on disk, checked, and leaves the caller's annotations alone", async () => {
    await using started = await start();
    const { place, layout } = started;
    const image = await pushImage(layout, "a");
    const mine = { ...image, annotations: { kind: "test" } };
    await layout.tag(mine, "v1");
    await layout.tag(mine, "v2");
    assert.deepEqual(mine.annotations, { kind: "test" });
    const fresh = await place.open({ mode: "read" });
    assert.deepEqual(
      (await fresh.references()).map((
        { name, descriptor },
      ) => [name, descriptor.annotations?.[REF_NAME]]),
      [
        ["v1", "v1"],
        ["v2", "v2"],
      ],
    );
    await fails(layout.tag({ ...image, digest: unknown }, "v3"), "not_found");
  });

  it("DeleteReference: an unknown name is not_found; order stays, every duplicate goes, on disk", async () => {
    await using started = await start();
    const { place, layout } = started;
    const [a, b, c] = [
      await pushImage(layout, "a"),
      await pushImage(layout, "b"),
      await pushImage(layout, "c"),
    ];
    const named = (one: Descriptor, name: string) => ({
      ...one,
      annotations: { [REF_NAME]: name },
    });
    await rewrite(
      place,
      (index) => index.manifests = [named(a, "x"), named(b, "y"), named(a, "x"), named(c, "z")],
    );
    await layout.untag("x");
    const fresh = await place.open({ mode: "read" });
    assert.deepEqual((await fresh.index()).manifests, [named(b, "y"), named(c, "z")]);
    await fails(layout.untag("x"), "not_found");
  });

  it("ListReferences: sorted, and copies", async () => {
    await using started = await start();
    const { layout } = started;
    const image = await pushImage(layout, "a");
    await layout.tag(image, ["b", "a"]);
    const rows = await layout.references();
    assert.deepEqual(rows.map(({ name }) => name), ["a", "b"]);
    Object.assign(rows[0]?.descriptor ?? {}, { digest: unknown });
    rows.length = 0;
    assert.equal((await layout.references())[0]?.descriptor.digest, image.digest);
  });

  it("Info, Update, Walk: labels are kept, changed by path, and filtered by", async () => {
    await using started = await start();
    const { layout } = started;
    const [one, two] = [blobOf("one"), blobOf("two")];
    await pushAll(layout, one, two);
    const { digest } = one.descriptor;
    assert.deepEqual((await layout.info(digest)).labels, {});
    await layout.update(digest, { a: "1", b: "2" });
    await layout.update(digest, { a: "3" }, "labels.a", "labels.b");
    assert.deepEqual((await layout.info(digest)).labels, { a: "3" });
    const walk = async (...filters: string[]) =>
      (await Array.fromAsync(layout.walk(...filters))).map((info) => info.digest);
    assert.deepEqual(await walk(), [digest, two.descriptor.digest].sort());
    assert.deepEqual(await walk("labels.a==3"), [digest]);
    await fails(layout.info(unknown), "not_found");
    await fails(layout.update(unknown, {}), "not_found");
  });

  it("Delete: entries go first, and what others need is refused", async () => {
    await using started = await start();
    const { layout } = started;
    const image = imageOf("a");
    await pushAll(layout, image.config, image.layer, image);
    await layout.tag(image.descriptor, ["v1", "v2"]);
    await fails(layout.delete(image.layer.descriptor.digest), "refused", /v1/);
    await layout.delete(image.descriptor.digest);
    assert.deepEqual((await layout.index()).manifests, []);
    for (const { descriptor } of [image, image.config, image.layer]) {
      assert.ok(!await layout.exists(descriptor.digest));
    }
    await fails(layout.delete(image.descriptor.digest), "not_found");
  });

  it("Status, ListStatuses, Abort: a write that is under way is seen, found and ended", async () => {
    await using started = await start();
    const { place, layout } = started;
    {
      await using writer = await layout.openWriter({ ref: "up-1", total: 10 });
      await writer.write(utf8("half"));
    }
    await (await layout.openWriter({ ref: "down-1" }))[Symbol.asyncDispose]();
    const other = await place.open({ mode: "read" });
    const { offset, total } = await other.status("up-1");
    assert.deepEqual([offset, total], [4, 10]);
    assert.deepEqual((await other.statuses("ref~=^up")).map(({ ref }) => ref), ["up-1"]);
    assert.equal((await other.statuses()).length, 2);
    await layout.abort("up-1");
    await fails(other.status("up-1"), "not_found");
    await fails(layout.abort("up-1"), "not_found");
  });
});

everyLayout("BuildKit", (newPlace) => {
  async function start(...names: string[]) {
    const place = newPlace();
    const layout = await place.open();
    const images: Descriptor[] = [];
    for (const name of names) images.push(await pushImage(layout, name));
    const [a, b = a] = images;
    return { place, layout, a, b, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
  }

  it("NewStoreIndex: what is no layout is refused at once", async () => {
    await using place = newPlace();
    await fails(place.open({ mode: "write" }), "not_found");
    await place.write("oci-layout", "[]");
    await fails(place.open({ mode: "write", clock: hastyClock() }), "corrupt");
  });

  it("Read: makes no lock file, is kept out by none, and quotes a position, not the file", async () => {
    await using started = await start("a");
    const { place, layout } = started;
    await place.write("index.json.lock", "");
    const before = await place.snapshot();
    const reader = await place.open({ mode: "read", clock: hastyClock() });
    assert.deepEqual(await reader.index(), await layout.index());
    assert.deepEqual(await place.snapshot(), before);
    await place.write("index.json", `{"secret":"${"x".repeat(5_000)}","manifests":[}`);
    const { message } = await fails(reader.index(), "corrupt", /at offset \d+ of "index\.json"$/);
    assert.doesNotMatch(message, /secret|xxx/);
  });

  it("Put(tag, desc): waits for others, keeps what it does not know, rewrites no marker, copies the descriptor", async () => {
    await using started = await start("a", "b");
    const { place, layout, a, b } = started;
    assert.ok(a && b);
    const marker = '{"imageLayoutVersion":"1.0.0","later":true}';
    await place.write("oci-layout", marker);
    await rewrite(place, (index) => {
      index["later"] = { n: 1 };
      index.manifests.push({ ...b, later: 2 });
    });
    const annotations = { kind: "test" };
    const writers = await Promise.all(Array.from({ length: 4 }, () => place.open()));
    await Promise.all(writers.map((writer, n) => writer.tag({ ...a, annotations }, `v${n}`)));
    const index = await layout.index();
    assert.deepEqual(index["later"], { n: 1 });
    assert.deepEqual(index.manifests[0], { ...b, later: 2 });
    assert.equal(index.manifests.length, 5);
    assert.deepEqual(annotations, { kind: "test" });
    assert.equal(await place.read("oci-layout"), marker);
  });

  it('Put("", desc): an untagged manifest is listed once, however often it is put', async () => {
    await using started = await start();
    const { layout } = started;
    const image = imageOf("a");
    await pushAll(layout, image.config, image.layer);
    for (let n = 0; n < 3; n++) await layout.pushManifest(image.bytes);
    assert.deepEqual((await layout.index()).manifests, [image.descriptor]);
  });

  it("Get(tag): the entry, not_found, or ambiguous with all candidates", async () => {
    await using started = await start("a", "b");
    const { place, layout, a, b } = started;
    assert.ok(a && b);
    await layout.tag(a, "v1");
    assert.equal((await layout.resolve("v1")).digest, a.digest);
    await fails(layout.resolve("v2"), "not_found");
    await rewrite(
      place,
      (index) => index.manifests.push({ ...b, annotations: { [REF_NAME]: "v1" } }),
    );
    const { message } = await fails(layout.resolve("v1"), "ambiguous");
    assert.ok(message.includes(a.digest) && message.includes(b.digest));
  });

  it("GetSingle: counts digests, not entries; none and several are errors", async () => {
    await using started = await start("a", "b");
    const { layout, a, b } = started;
    assert.ok(a && b);
    await fails(layout.single(), "not_found");
    await layout.tag(a, ["v1", "v2"]);
    assert.equal((await layout.single()).digest, a.digest);
    await layout.tag(b, "v3");
    await fails(layout.single(), "ambiguous");
  });

  it("insertDesc: the replaced leave, the new one goes last", async () => {
    await using started = await start("a", "b");
    const { layout, a, b } = started;
    assert.ok(a && b);
    await layout.tag(a, ["v1", "v2", "v3"]);
    await layout.tag(b, "v1");
    assert.deepEqual((await layout.index()).manifests.map((one) => one.annotations?.[REF_NAME]), [
      "v2",
      "v3",
      "v1",
    ]);
    await layout.tag(b, "app:v1");
    assert.equal((await layout.resolve("app:v1")).annotations?.[IMAGE_NAME], "app:v1");
  });

  it("the lock: of many writers at once all succeed, none is lost, and readers go on", async () => {
    await using started = await start("a");
    const { place, layout, a } = started;
    assert.ok(a);
    const writers = await Promise.all(Array.from({ length: 6 }, () => place.open()));
    const reader = await place.open({ mode: "read" });
    const edits = Promise.all(writers.map(async (writer, w) => {
      for (let n = 0; n < 5; n++) await writer.tag(a, `w${w}-${n}`);
    }));
    for (let most = 0, n = 0; n < 20; n++) {
      const { length } = await reader.references();
      assert.ok(length >= most);
      most = length;
    }
    await edits;
    assert.equal((await layout.references()).length, 30);
  });
});
