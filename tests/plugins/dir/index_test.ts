import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { type Doc, flock, systemClock } from "../../../core/mod.ts";
import { fakeClock } from "../../contract/clock.ts";
import { fails } from "../../fails.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { openAt } from "./directories.ts";

const INDEX = "index.json";

test("versions differ after a, b, a within one millisecond, a removal in between too", async () => {
  using folder = temporaryFolder();
  const still = { ...systemClock, now: () => 1_700_000_000_000 };
  const [one, two] = [await openAt(folder.path, { clock: still }), await openAt(folder.path)];
  const versions: (string | undefined)[] = [];
  let doc: Doc | undefined;
  for (const text of ["a", "b", "a", undefined, "a", "a", "b", undefined, "a"]) {
    doc = await one.docs.swap(INDEX, text, doc);
    assert.deepEqual(await two.docs.load(INDEX), doc);
    if (doc) versions.push(doc.version);
  }
  assert.equal(new Set(versions).size, versions.length, versions.join(" "));
});

test("a tool that rewrites the index in place makes what was seen of it stale", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const seen = await store.docs.swap(INDEX, "[1]", undefined);
  const path = join(folder.path, INDEX);
  writeFileSync(path, "[2]");
  await fails(store.docs.swap(INDEX, "[3]", seen), "conflict");
  assert.equal(readFileSync(path, "utf8"), "[2]");
  const now = await store.docs.load(INDEX);
  assert.equal((await store.docs.swap(INDEX, "[3]", now))?.text, "[3]");
});

test("the index before the last swap is kept, out of reach of who writes the new one in place", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const previous = join(folder.path, ".stowage", "index.prev");
  let doc = await store.docs.swap(INDEX, "1", undefined);
  assert.equal(existsSync(previous), false);
  for (const [text, before] of [["2", "1"], ["3", "2"]] as const) {
    doc = await store.docs.swap(INDEX, text, doc);
    assert.equal(readFileSync(previous, "utf8"), before);
    writeFileSync(join(folder.path, INDEX), text);
    doc = await store.docs.load(INDEX);
    assert.equal(readFileSync(previous, "utf8"), before);
  }
  assert.deepEqual(readdirSync(join(folder.path, ".stowage", "tmp")), []);
});

test("a swap after one that was killed with the old index linked leaves nothing behind", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const doc = await store.docs.swap(INDEX, "1", undefined);
  const previous = join(folder.path, ".stowage", "index.prev");
  linkSync(join(folder.path, INDEX), previous);
  await store.docs.swap(INDEX, "2", doc);
  assert.equal(readFileSync(previous, "utf8"), "1");
  assert.deepEqual(readdirSync(join(folder.path, ".stowage", "tmp")), []);
});

test("an index keeps its mode, and its owner where that is possible", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const path = join(folder.path, INDEX);
  await store.docs.swap(INDEX, "1", undefined);
  chmodSync(path, 0o640);
  const root = process.getuid?.() === 0;
  if (root) chownSync(path, 1234, 5678);
  await store.docs.swap(INDEX, "2", await store.docs.load(INDEX));
  const { mode, uid, gid } = lstatSync(path);
  assert.equal(mode & 0o777, 0o640);
  if (root) assert.deepEqual([uid, gid], [1234, 5678]);
});

test("a link as a document is unsupported, a folder is invalid", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  writeFileSync(join(folder.path, "elsewhere.json"), "{}");
  symlinkSync("elsewhere.json", join(folder.path, INDEX));
  mkdirSync(join(folder.path, "oci-layout"));
  await fails(store.docs.load(INDEX), "unsupported");
  await fails(store.docs.load("oci-layout"), "invalid");
});

test("what is not UTF-8 is corrupt", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  writeFileSync(join(folder.path, INDEX), new Uint8Array([0x7b, 0xff, 0x7d]));
  await fails(store.docs.load(INDEX), "corrupt");
});

test("a lock file that BuildKit left behind is no lock, and is left behind", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const path = join(folder.path, "index.json.lock");
  writeFileSync(path, "");
  const { ino } = lstatSync(path);
  await store.docs.swap(INDEX, "{}", undefined);
  assert.equal(lstatSync(path).ino, ino);
});

test("while BuildKit holds its lock the index is not replaced, other documents are", async () => {
  using folder = temporaryFolder();
  await using store = await openAt(folder.path);
  const path = join(folder.path, "index.json.lock");
  const held = await flock(path, { clock: systemClock, wait: 0 });
  assert.ok(held);
  const swap = store.docs.swap(INDEX, "{}", undefined);
  await systemClock.sleep(50);
  assert.equal(existsSync(join(folder.path, INDEX)), false);
  // As it ends: the index written in place, the lock released, its file removed.
  writeFileSync(join(folder.path, INDEX), "[]");
  held[Symbol.dispose]();
  rmSync(path);
  await fails(swap, "conflict");
  const seen = await store.docs.load(INDEX);
  assert.equal((await store.docs.swap(INDEX, "{}", seen))?.text, "{}");
});

test("a lock that BuildKit never gives back ends in locked, and leaves no lock of ours", async () => {
  using folder = temporaryFolder();
  const clock = { ...systemClock, elapsed: () => 1_000 * systemClock.elapsed() };
  const patient = { stale: 10_000_000 };
  await using store = await openAt(folder.path, { clock, wait: 60_000_000 }, patient);
  using _held = await flock(join(folder.path, "index.json.lock"), { clock: systemClock, wait: 0 });
  await fails(store.docs.swap(INDEX, "{}", undefined), "locked");
  await store.docs.swap(".stowage/layout.json", "{}", undefined);
  assert.equal(existsSync(join(folder.path, ".stowage", "lock")), false);
});

test("a lock file that is removed under us ends in conflict, with nothing written", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "index.json.lock");
  const onStep = (name: string) => {
    if (name === "replace document") rmSync(path, { force: true });
  };
  await using store = await openAt(folder.path, {}, { onStep });
  await fails(store.docs.swap(INDEX, "{}", undefined), "conflict");
  assert.equal(existsSync(join(folder.path, INDEX)), false);
  assert.deepEqual(readdirSync(join(folder.path, ".stowage", "tmp")), []);
});

test("a lock of ours that somebody else has by then is lease_lost, with nothing written", async () => {
  using folder = temporaryFolder();
  const lock = join(folder.path, ".stowage", "lock");
  const onStep = (name: string) => {
    if (name !== "replace document") return;
    rmSync(lock, { recursive: true });
    mkdirSync(lock);
  };
  const store = await openAt(folder.path, {}, { onStep });
  await fails(store.docs.swap(".stowage/layout.json", "{}", undefined), "lease_lost");
  assert.equal(existsSync(join(folder.path, ".stowage", "layout.json")), false);
  assert.ok(existsSync(lock), "the other one's lock is gone");
});

test("what fails once the old document is gone is unknown, and what fails before is not", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, ".stowage", "a.json");
  let when = "replace document";
  const onStep = (name: string) => {
    if (name === when) throw Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO" });
  };
  await using store = await openAt(folder.path, {}, { onStep });
  const before = await fails(store.docs.swap(".stowage/a.json", "{}", undefined), "unavailable");
  assert.deepEqual([before.reason, existsSync(path)], [undefined, false]);
  when = "sync document folder";
  const after = await fails(store.docs.swap(".stowage/a.json", "{}", undefined), "unavailable");
  assert.deepEqual([after.reason, existsSync(path)], ["unknown", true]);
});

test("whoever waits for the lock learns at once that the document has moved on", async () => {
  using folder = temporaryFolder();
  const [one, two] = [await openAt(folder.path), await openAt(folder.path, { wait: 60_000 })];
  const seen = await one.docs.swap(INDEX, "1", undefined);
  mkdirSync(join(folder.path, ".stowage", "lock"));
  const waiting = two.docs.swap(INDEX, "2", seen);
  await systemClock.sleep(20);
  writeFileSync(join(folder.path, INDEX), "[9]");
  await fails(waiting, "conflict");
});

test("a clock that was set back makes no version twice", async () => {
  using folder = temporaryFolder();
  const clock = fakeClock(Date.UTC(2030, 0, 1));
  const late = await openAt(folder.path);
  const early = await openAt(folder.path, { clock: { ...systemClock, now: clock.now } });
  const first = await early.docs.swap(INDEX, "1", undefined);
  const second = await late.docs.swap(INDEX, "1", first);
  assert.notEqual(second?.version, first?.version);
  assert.ok(lstatSync(join(folder.path, INDEX)).mtimeMs > clock.now());
});
