import assert from "node:assert/strict";
import { existsSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Flock, flock, systemClock } from "../../../core/mod.ts";
import { fails } from "../../fails.ts";
import { finished, onlyOne, runtimes, startProgram } from "../../runtimes.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { unless } from "../../skip.ts";

async function take(path: string, wait = 0): Promise<Flock> {
  const lock = await flock(path, { clock: systemClock, wait });
  assert.ok(lock, "this runtime has no flock");
  return lock;
}

test("a flock is one holder's, and the file stays when it is released", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "index.json.lock");
  {
    using lock = await take(path);
    await fails(take(path), "locked");
    await fails(take(path, 30), "locked");
    lock.assertHeld();
  }
  assert.ok(existsSync(path));
  using again = await take(path);
  again.assertHeld();
});

test("a file that was left behind locks nobody out", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "index.json.lock");
  writeFileSync(path, "");
  using lock = await take(path);
  lock.assertHeld();
});

test("a link in the place of the file is waited for no longer than any other holder", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "index.json.lock");
  symlinkSync("elsewhere", path);
  await fails(take(path, 20), "locked", /another file stands there/);
});

test("whoever waits gets it when it is released", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "index.json.lock");
  const first = await take(path);
  const second = take(path, 10_000);
  await systemClock.sleep(20);
  first[Symbol.dispose]();
  using lock = await second;
  lock.assertHeld();
});

test("a lock on a file that was removed is lost, and one who waited for it takes the new file", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "index.json.lock");
  const first = await take(path);
  const waiting = take(path, 10_000);
  await systemClock.sleep(20);
  // As BuildKit ends: it unlocks, then removes.
  first[Symbol.dispose]();
  rmSync(path);
  using second = await waiting;
  second.assertHeld();
  rmSync(path);
  assert.throws(() => second.assertHeld(), /it was removed/);
  writeFileSync(path, "");
  assert.throws(() => second.assertHeld(), /it was removed/);
});

test("a place that cannot be written is told", async () => {
  using folder = temporaryFolder();
  await fails(take(join(folder.path, "no", "lock")), "not_found");
  await fails(take(folder.path), "invalid");
});

test("the runtimes keep each other out", { ...unless(onlyOne), timeout: 30_000 }, async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "index.json.lock");
  const other = runtimes[1];
  assert.ok(other);
  const program = new URL("./flock_taker.ts", import.meta.url);
  const taken = async () => (await finished(startProgram(other, program, [path]))).out.trim();
  {
    using _lock = await take(path);
    assert.equal(await taken(), "locked");
  }
  assert.equal(await taken(), "held");
});
