import assert from "node:assert/strict";
import { existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { createRegistry, type Digest } from "../../../core/mod.ts";
import { directory, directoryPlugin, directoryUrl } from "../../../plugins/dir/mod.ts";
import { directoryPath } from "../../../plugins/dir/url.ts";
import { all, put, read, utf8, write } from "../../contract/suite.ts";
import { fails } from "../../fails.ts";
import { finished, runtimes, startProgram } from "../../runtimes.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { usual } from "../../opening.ts";
import { openAt, treeOf } from "./directories.ts";

test("a path and its URL lead to each other, whatever is in a name", () => {
  for (const path of ["/a", "/a b/ü/100%/#1?x", "/back\\slash", "/tab\tnew\nline", "/"]) {
    const url = directoryUrl(path);
    assert.equal(directoryPath(new URL(url.href)), path);
    assert.equal(directoryUrl(directoryPath(url)).href, url.href);
  }
  assert.equal(directoryUrl("/srv/my images").href, "dir:/srv/my%20images");
  assert.equal(
    directoryUrl("some/where").href,
    directoryUrl(join(process.cwd(), "some/where")).href,
  );
});

test("a URL that is no absolute path is invalid", async () => {
  const { open } = createRegistry([directoryPlugin]);
  for (
    const href of [
      "dir:relative",
      "dir://host/path",
      "dir:/a?b",
      "dir:/a#b",
      "dir:/a%2Fb",
      "dir:/a%00",
    ]
  ) {
    await fails(open(new URL(href), usual), "invalid");
  }
});

test("slashes and dots too many make no other place", async () => {
  using folder = temporaryFolder();
  const { open } = createRegistry([directory()]);
  const { url } = await open(new URL(`dir:${folder.path}/x/.././`), usual);
  assert.equal(url.href, directoryUrl(folder.path).href);
});

test("a missing place is made by the first write, not by opening", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a", "b");
  await using store = await openAt(path);
  assert.equal(await store.docs.load("index.json"), undefined);
  assert.deepEqual(await all(store.blobs.list()), []);
  assert.equal(existsSync(join(folder.path, "a")), false);
  await store.docs.swap("index.json", "{}", undefined);
  assert.ok(lstatSync(join(path, "blobs")).isDirectory());
});

test("a missing place is not_found to whoever may not make it", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a");
  await using store = await openAt(path, { mode: "write" });
  assert.equal(await store.docs.load("index.json"), undefined);
  await fails(store.docs.swap("index.json", "{}", undefined), "not_found");
  await fails(store.blobs.ingest(), "not_found");
  assert.equal(existsSync(path), false);
});

test("opened to read, nothing is touched and every write is read_only", async () => {
  using folder = temporaryFolder();
  await using writer = await openAt(folder.path);
  const blob = await put(writer, utf8("kept"));
  const doc = await writer.docs.swap("index.json", "{}", undefined);
  await writer.blobs.delete([await put(writer, utf8("removed"))], { batch: "1" });
  {
    await using draft = await writer.blobs.ingest({ ref: "draft" });
    await write(draft.writable, utf8("half"));
  }
  const before = treeOf(folder.path);
  {
    await using store = await openAt(folder.path, { mode: "read" });
    assert.deepEqual(await store.docs.load("index.json"), doc);
    assert.deepEqual(await read(store, blob.digest), utf8("kept"));
    assert.deepEqual(await all(store.blobs.list()), [blob]);
    assert.equal((await all(store.blobs.ingests())).length, 1);
    await fails(store.docs.swap("index.json", "[]", doc), "read_only");
    await fails(store.blobs.ingest(), "read_only");
    await fails(store.blobs.ingest({ ref: "draft" }), "read_only");
    await fails(store.blobs.abort("draft"), "read_only");
    await fails(store.blobs.delete([blob]), "read_only");
    const { renew, adopt, trash } = store.blobs;
    await fails(renew?.(blob) ?? Promise.resolve(), "read_only");
    await fails(adopt?.(writer.url, blob) ?? Promise.resolve(), "read_only");
    const [entry] = await all(trash?.list() ?? [] as unknown as AsyncIterable<never>);
    assert.ok(trash && entry);
    await fails(trash.restore("1", entry.digest), "read_only");
    await fails(trash.purge("1", entry.digest), "read_only");
  }
  assert.deepEqual(treeOf(folder.path), before);
});

test("a file where a folder belongs is invalid", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "file");
  writeFileSync(file, "");
  for (const mode of ["read", "write", "create"] as const) {
    await fails(openAt(file, { mode }), "invalid");
    await fails(openAt(join(file, "below"), { mode }), "invalid");
  }
  for (const name of ["blobs", ".stowage"]) {
    const path = join(folder.path, name);
    mkdirSync(path);
    writeFileSync(join(path, name), "");
    await fails(openAt(path), "invalid");
  }
});

test("the place and its blobs may be links; what is below them may not", async () => {
  using folder = temporaryFolder();
  const [real, blobs, link] = ["real", "elsewhere", "link"].map((name) => join(folder.path, name));
  assert.ok(real && blobs && link);
  mkdirSync(real);
  mkdirSync(blobs);
  symlinkSync(blobs, join(real, "blobs"));
  symlinkSync(real, link);
  {
    await using store = await openAt(link);
    const { digest } = await put(store, utf8("here"));
    assert.deepEqual(await read(store, digest), utf8("here"));
    assert.ok(existsSync(join(blobs, digest.replace(":", "/"))));
  }
  symlinkSync(blobs, join(blobs, "sha512"));
  await fails(openAt(real), "unsupported");
  const other = join(folder.path, "other");
  mkdirSync(other);
  symlinkSync(blobs, join(other, ".stowage"));
  await fails(openAt(other), "unsupported");
});

test("files of ours and what leads outside are no documents", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  for (
    const name of [
      ...["", "/", "..", "../a", "a/b", "blobs", "blobs/sha256", "Index.json", ".hidden", "a/../b"],
      ...["index.json.lock", ".stowage", ".stowage/", ".stowage/lock", ".stowage/tmp/a"],
      ...[
        ".stowage/../a",
        ".stowage//a",
        ".stowage/ingest/a",
        ".stowage/index.prev",
        "a".repeat(201),
      ],
    ]
  ) {
    await fails(store.docs.load(name), "invalid");
    await fails(store.docs.swap(name, "{}", undefined), "invalid");
  }
  await store.docs.swap("index.json", "{}", undefined);
  await put(store, utf8("a"));
  writeFileSync(join(folder.path, "README.txt"), "");
  assert.deepEqual(await all(store.docs.list("")), ["index.json"]);
});

const notRoot = process.getuid?.() === 0 ? false : "only root can act as another user";
for (const runtime of runtimes) {
  test(
    `${runtime.name}: a place of another user is read_only at the first write, and is read without a lock`,
    { skip: notRoot, timeout: 30_000 },
    async () => {
      using folder = temporaryFolder();
      await using store = await openAt(folder.path);
      const { digest } = await put(store, utf8("theirs"));
      await store.docs.swap("index.json", "{}", undefined);
      const before = treeOf(folder.path);
      const child = startProgram(runtime, new URL("./as_nobody.ts", import.meta.url), [
        folder.path,
        digest,
      ]);
      const { out } = await finished(child);
      assert.deepEqual(out.trim().split("\n"), [
        "read 6 bytes and {}",
        "swap: read_only",
        "ingest: read_only",
        "delete: read_only",
        "renew: read_only",
      ]);
      assert.deepEqual(treeOf(folder.path), before);
    },
  );
}

test("a name that is no digest leads nowhere", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const name = "sha256:../../../../escape" as Digest;
  await fails(store.blobs.stat(name), "invalid_digest");
  await fails(store.blobs.read(name), "invalid_digest");
  await using ingest = await store.blobs.ingest();
  await fails(ingest.commit({ digest: name, size: 0 }), "invalid_digest");
});
