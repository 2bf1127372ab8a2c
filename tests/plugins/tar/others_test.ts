// What others write is read here, and they read what is written here: grown, compacted, copied, torn by a crash.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { digestOf } from "../../../core/mod.ts";
import { listed, noise, put, read, utf8 } from "../../contract/suite.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { openAt } from "./archives.ts";
import { type File, others } from "./others.ts";
import { tornStates } from "./states.ts";

const INDEX = "index.json";
const nameOf = (digest: string) => `blobs/${digest.replace(":", "/")}`;
const fileOf = (path: string) => new Uint8Array(readFileSync(path));
/** The first of a name: what readers who stop there find. */
const first = (files: readonly File[], name: string) => files.find((file) => file.name === name);
const textOf = (file: File | undefined) => file && new TextDecoder().decode(file.body);
const blobsIn = (files: readonly File[]) =>
  files.filter(({ name }) => name.startsWith("blobs/")).map(({ name }) => name).sort();

/** An archive that has grown three times, with a long name in it, and lost a blob. */
async function grown(path: string) {
  await using store = await openAt(path);
  await store.docs.swap("oci-layout", '{"imageLayoutVersion":"1.0.0"}', undefined);
  const [a, b, c] = [noise(70_000, 1), noise(513, 2), utf8("three")];
  await put(store, a);
  let index = await store.docs.swap(INDEX, '{"manifests":[],"annotations":{"n":"1"}}', undefined);
  await put(store, b, digestOf(b, "sha512"));
  index = await store.docs.swap(INDEX, '{"manifests":[],"annotations":{"n":"2"}}', index);
  const lost = await put(store, c);
  index = await store.docs.swap(INDEX, '{"manifests":[],"annotations":{"n":"3"}}', index);
  const copy = await store.blobs.stat(lost.digest);
  assert.ok(copy);
  await store.blobs.delete([copy]);
  return { text: index?.text, a, b };
}

for (const [who, { read: readAll, write, stops }] of Object.entries(others)) {
  describe(who, () => {
    it("reads an archive that grew and lost, before and after a compaction", async () => {
      using folder = temporaryFolder();
      const path = join(folder.path, "a.tar");
      const { text, a, b } = await grown(path);
      const names = [nameOf(digestOf(a)), nameOf(digestOf(b, "sha512"))].sort();
      const isRight = async () => {
        const files = await readAll(fileOf(path));
        assert.equal(textOf(first(files, INDEX)), text);
        assert.equal(files.filter(({ name }) => name === INDEX).length, 1);
        assert.deepEqual(blobsIn(files), names);
        assert.deepEqual(first(files, nameOf(digestOf(a)))?.body, new Uint8Array(a));
      };
      await isRight();
      await using store = await openAt(path, { mode: "write" });
      await store.compact();
      await isRight();
    });

    it("writes archives that are read, long names and empty files too", async () => {
      using folder = temporaryFolder();
      const path = join(folder.path, "a.tar");
      const bodies = [noise(70_000, 1), utf8("short"), utf8("")];
      const blobs = bodies.flatMap((body) =>
        (["sha256", "sha512"] as const).map((algorithm) => ({
          digest: digestOf(body, algorithm),
          body: new Uint8Array(body),
        }))
      );
      const made = await write([
        { name: "oci-layout", body: new Uint8Array(utf8('{"imageLayoutVersion":"1.0.0"}')) },
        ...blobs.map(({ digest, body }) => ({ name: nameOf(digest), body })),
        { name: INDEX, body: new Uint8Array(utf8('{"manifests":[]}')) },
      ]);
      writeFileSync(path, made);
      await using store = await openAt(path, { mode: "write" });
      assert.deepEqual(await listed(store), blobs.map(({ digest }) => digest).sort());
      for (const { digest, body } of blobs) assert.deepEqual(await read(store, digest), body);
      // It grows as our own do.
      const seen = await store.docs.load(INDEX);
      await store.docs.swap(INDEX, '{"manifests":[],"annotations":{}}', seen);
      const files = await readAll(fileOf(path));
      assert.equal(textOf(first(files, INDEX)), '{"manifests":[],"annotations":{}}');
    });

    if (!stops) return;
    it("reads an archive as before or as after, wherever an append was torn", async () => {
      let count = 0;
      for await (const { name, bytes, index } of tornStates(211)) {
        const files = await readAll(new Uint8Array(bytes));
        assert.equal(textOf(files.findLast((file) => file.name === INDEX)), index, name);
        assert.equal(blobsIn(files).length, index.includes("after") ? 3 : 1, name);
        count++;
      }
      assert.ok(count > 40, `only ${count} states`);
    });
  });
}
