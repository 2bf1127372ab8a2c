import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { type BlobInfo, systemClock } from "../../../core/mod.ts";
import { all, blobOf, listed, noise, put, read, seen, utf8, write } from "../../contract/suite.ts";
import { fails } from "../../fails.ts";
import { finished, runtimes, startProgram } from "../../runtimes.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { blobAt, openAt } from "./directories.ts";

async function* none() {}

/** Where a deleter keeps a blob while it looks whether it is the one to go. */
function limboOf(root: string, { digest }: BlobInfo): string {
  const folder = join(root, ".stowage", "limbo", "0123");
  mkdirSync(folder, { recursive: true });
  return join(folder, digest.replace(":", "-"));
}

test("a link in place of a blob is refused, and the next upload takes its place", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const { digest } = blobOf(utf8("secret"));
  const [path, secret] = [blobAt(folder.path, digest), join(folder.path, "secret")];
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(secret, "secret");
  symlinkSync(secret, path);
  await fails(store.blobs.read(digest), "unsupported");
  await fails(store.blobs.stat(digest), "unsupported");
  const [removal] = await store.blobs.delete([{ ...blobOf(utf8("secret")), version: "1" }]);
  assert.deepEqual([removal?.outcome, removal?.error?.code], ["failed", "unsupported"]);
  await put(store, utf8("secret"));
  assert.ok(lstatSync(path).isFile());
  assert.ok(existsSync(secret));
});

test("a folder that is named like a digest is no blob", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const { digest, size } = blobOf(utf8("a"));
  mkdirSync(blobAt(folder.path, digest), { recursive: true });
  await fails(store.blobs.read(digest), "invalid");
  await fails(store.blobs.stat(digest), "invalid");
  assert.deepEqual(await listed(store), []);
  await using ingest = await store.blobs.ingest();
  await write(ingest.writable, utf8("a"));
  await fails(ingest.commit({ digest, size }), "invalid");
  assert.ok(lstatSync(blobAt(folder.path, digest)).isDirectory());
});

test("strangers among the blobs are reported, left alone and not listed", async () => {
  using folder = temporaryFolder();
  const notices: string[] = [];
  await using store = await openAt(folder.path, { notice: (code) => notices.push(code) });
  const { digest } = await put(store, utf8("a"));
  const strangers = ["README", "sha256/README", "sha256/../sha256/ABC", "md5/00"];
  for (const name of strangers) {
    const path = join(folder.path, "blobs", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "");
  }
  assert.deepEqual(await listed(store), [digest]);
  assert.deepEqual(notices, ["foreign_blobs"]);
  for (const name of strangers) assert.ok(existsSync(join(folder.path, "blobs", name)));
});

test("stored blobs cannot be written to, and named ones are no exception", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const one = await put(store, utf8("one"));
  await using ingest = await store.blobs.ingest({ ref: "two" });
  await write(ingest.writable, utf8("two"));
  await ingest.commit(blobOf(utf8("two")));
  for (const { digest } of [one, blobOf(utf8("two"))]) {
    assert.equal(lstatSync(blobAt(folder.path, digest)).mode & 0o222, 0);
  }
  assert.deepEqual(readdirSync(join(folder.path, ".stowage", "tmp")), []);
  assert.deepEqual(readdirSync(join(folder.path, ".stowage", "ingest")), []);
});

test("a copy that a dead deleter had taken is found, read and put back as a new one", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const blob = await put(store, utf8("relied on"));
  const path = blobAt(folder.path, blob.digest);
  renameSync(path, limboOf(folder.path, blob));
  {
    await using reader = await openAt(folder.path, { mode: "read" });
    assert.deepEqual(await read(reader, blob.digest), utf8("relied on"));
    assert.equal((await seen(reader, blob.digest)).size, blob.size);
    assert.equal(existsSync(path), false);
  }
  assert.deepEqual(await read(store, blob.digest), utf8("relied on"));
  const found = await seen(store, blob.digest);
  assert.ok(existsSync(path));
  assert.notEqual(found.version, blob.version);
  assert.deepEqual(readdirSync(join(folder.path, ".stowage", "limbo", "0123")), []);
  const [removal] = await store.blobs.delete([blob]);
  assert.equal(removal?.outcome, "replaced");
});

test("what dead deleters and writers left is settled by a later writer", async () => {
  using folder = temporaryFolder();
  const blob = await put(await openAt(folder.path), utf8("taken"));
  renameSync(blobAt(folder.path, blob.digest), limboOf(folder.path, blob));
  const tmp = join(folder.path, ".stowage", "tmp");
  writeFileSync(join(tmp, "old"), "");
  mkdirSync(join(tmp, "older", "still"), { recursive: true });
  writeFileSync(join(tmp, "young"), "");
  const long = new Date(Date.now() - 25 * 3_600_000);
  for (const name of ["old", "older"]) utimesSync(join(tmp, name), long, long);
  const later = { ...systemClock, now: () => Date.now() + 120_000 };
  await using store = await openAt(folder.path, { clock: later });
  await put(store, utf8("another"));
  assert.deepEqual(readdirSync(tmp), ["young"]);
  assert.equal((await listed(store)).length, 2);
});

test("a renewal between look and taking saves the copy: the deleter puts it back", async () => {
  using folder = temporaryFolder();
  const other = await openAt(folder.path);
  const blob = await put(other, utf8("busy"));
  let renewed: BlobInfo | undefined;
  await using store = await openAt(folder.path, {}, {
    async onStep(name) {
      if (name === "take blob") renewed = await other.blobs.renew?.(blob);
    },
  });
  const [removal] = await store.blobs.delete([blob]);
  assert.equal(removal?.outcome, "replaced");
  assert.deepEqual(await seen(store, blob.digest), renewed);
});

test("what is adopted while a deleter looks at it stays, whatever the deleter finds", async () => {
  using folder = temporaryFolder();
  const other = await openAt(folder.path);
  for (const step of ["look at taken blob", "move blobs to trash"]) {
    const blob = await put(other, utf8("wanted"));
    await using store = await openAt(folder.path, {}, {
      async onStep(name) {
        if (name === step) await seen(other, blob.digest);
      },
    });
    const removals = await store.blobs.delete([blob]);
    assert.deepEqual(removals, [{ digest: blob.digest, outcome: "replaced" }]);
    const found = await seen(other, blob.digest);
    assert.deepEqual(await read(other, blob.digest), utf8("wanted"));
    assert.notEqual(found.version, blob.version);
  }
});

test("a file that nobody can write to is adopted as a link, any other as a copy", async () => {
  using folder = temporaryFolder();
  const [from, to] = [join(folder.path, "from"), join(folder.path, "to")];
  await using source = await openAt(from);
  await using store = await openAt(to);
  const [ours, theirs] = [await put(source, noise(5_000)), await put(source, noise(6_000))];
  chmodSync(blobAt(from, theirs.digest), 0o644);
  for (const [blob, same] of [[ours, true], [theirs, false]] as const) {
    for (let twice = 0; twice < 2; twice++) {
      assert.equal(await store.blobs.adopt?.(source.url, blob), true);
      const [a, b] = [lstatSync(blobAt(from, blob.digest)), lstatSync(blobAt(to, blob.digest))];
      assert.equal(a.ino === b.ino, same);
      assert.equal(b.mode & 0o222, 0);
    }
  }
  assert.notDeepEqual(await seen(source, ours.digest), ours);
  assert.deepEqual(await seen(source, theirs.digest), theirs);
  // The directory itself, and a link to a blob.
  assert.equal(await store.blobs.adopt?.(store.url, await seen(store, ours.digest)), true);
  const { digest } = blobOf(utf8("linked"));
  writeFileSync(join(from, "elsewhere"), "linked");
  symlinkSync(join(from, "elsewhere"), blobAt(from, digest));
  assert.equal(await store.blobs.adopt?.(source.url, { digest, size: 6 }), false);
  assert.equal((await listed(store)).length, 2);
  assert.deepEqual(readdirSync(join(to, ".stowage", "tmp")), []);
});

test("removed blobs lie in the trash under their batch, and an emptied trash is gone", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const blob = await put(store, utf8("old"));
  await store.blobs.delete([blob], { batch: "12" });
  const trash = join(folder.path, ".stowage", "trash");
  const [part = ""] = readdirSync(join(trash, "12"));
  assert.ok(existsSync(join(trash, "12", part, blob.digest.replace(":", "-"))));
  await store.blobs.trash?.purge("12", blob.digest);
  // Folders go as they are found empty, from the inmost on.
  for (let looks = 0; looks < 3; looks++) {
    assert.deepEqual(await all(store.blobs.trash?.list() ?? none()), []);
  }
  assert.equal(existsSync(trash), false);
  const [removal] = await store.blobs.delete([await put(store, utf8("old"))], { batch: "../12" });
  assert.deepEqual([removal?.outcome, removal?.error?.code], ["failed", "invalid"]);
  assert.deepEqual(await listed(store), [blob.digest]);
});

test("a copy that comes back from the trash is a new one: the old deletion cannot take it", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const blob = await put(store, utf8("undone"));
  await store.blobs.delete([blob], { batch: "1" });
  await store.blobs.trash?.restore("1", blob.digest);
  const [removal] = await store.blobs.delete([blob], { batch: "1" });
  assert.equal(removal?.outcome, "replaced");
});

test("a damaged draft starts over and is never a lasting failure", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const damage: ((home: string) => void)[] = [
    (home) => writeFileSync(join(home, "meta.json"), "{"),
    (home) => writeFileSync(join(home, "meta.json"), '{"ref":"../../etc","data":"../passwd"}'),
    (home) => renameSync(join(home, "meta.json"), join(home, "elsewhere")),
    (home) => {
      for (const name of readdirSync(home)) {
        if (name !== "meta.json") renameSync(join(home, name), join(folder.path, name));
      }
    },
  ];
  for (const [n, harm] of damage.entries()) {
    {
      await using draft = await store.blobs.ingest({ ref: "draft" });
      assert.equal(draft.status.offset, 0, `damage ${n}`);
      await write(draft.writable, utf8("half"));
    }
    const ingests = join(folder.path, ".stowage", "ingest");
    const [home = ""] = readdirSync(ingests);
    harm(join(ingests, home));
    assert.deepEqual(await all(store.blobs.ingests()), []);
  }
});

test("an abort during the commit publishes nothing, nor what its name holds next", async () => {
  using folder = temporaryFolder();
  const other = await openAt(folder.path);
  await using store = await openAt(folder.path, {}, {
    async onStep(name) {
      if (name !== "rename blob") return;
      await other.blobs.abort("draft");
      await using next = await other.blobs.ingest({ ref: "draft" });
      await write(next.writable, utf8("next"));
    },
  });
  await using draft = await store.blobs.ingest({ ref: "draft" });
  await write(draft.writable, utf8("this"));
  await fails(draft.commit(blobOf(utf8("this"))), "aborted");
  assert.deepEqual(await listed(store), []);
  assert.deepEqual((await all(store.blobs.ingests())).map(({ offset }) => offset), [4]);
});

test("reading goes on after the blob was removed or replaced", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const bytes = noise(5_000_000);
  const blob = await put(store, bytes);
  const reader = (await store.blobs.read(blob.digest)).getReader();
  await reader.read();
  await store.blobs.delete([blob]);
  await store.blobs.trash?.purge("loose", blob.digest);
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    length += part.value.length;
  }
  assert.ok(length > 3_900_000);
});

test("names of blobs are on the disk before a document tells of them", async () => {
  using folder = temporaryFolder();
  const steps: string[] = [];
  await using store = await openAt(folder.path, { durability: "full" }, {
    onStep: (name) => void steps.push(name),
  });
  await Promise.all([put(store, utf8("a")), put(store, utf8("b")), put(store, utf8("c"))]);
  await store.docs.swap("index.json", "{}", undefined);
  assert.equal(steps.filter((name) => name === "sync blob folder").length, 1);
  const order = [
    "sync blob",
    "rename blob",
    "sync blob folder",
    "sync document",
    "replace document",
  ];
  const places = order.map((name) => steps.lastIndexOf(name));
  assert.deepEqual(places, [...places].sort((a, b) => a - b));
  assert.ok(!places.includes(-1));
});

const notRoot = process.getuid?.() === 0 ? false : "only root can act as another user";
for (const runtime of runtimes) {
  test(
    `${runtime.name}: a blob of another user is renewed as a copy of one's own, unless it is damaged`,
    { skip: notRoot, timeout: 30_000 },
    async () => {
      using folder = temporaryFolder();
      await using store = await openAt(folder.path);
      const blob = await put(store, utf8("shared"));
      const damaged = blobOf(utf8("other"));
      linkSync(blobAt(folder.path, blob.digest), blobAt(folder.path, damaged.digest));
      const child = startProgram(runtime, new URL("./as_nobody_beside.ts", import.meta.url), [
        folder.path,
        blob.digest,
        damaged.digest,
      ]);
      const { out } = await finished(child);
      assert.deepEqual(out.trim().split("\n"), ["renewed", "corrupt"]);
      assert.equal(lstatSync(blobAt(folder.path, blob.digest)).uid, 65534);
      assert.equal(lstatSync(blobAt(folder.path, damaged.digest)).uid, 0);
    },
  );
}
