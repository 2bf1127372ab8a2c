import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, rmdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { type FileLock, fileLock, isOciError, systemClock } from "../../../core/mod.ts";
import { lockFolder } from "../../../core/local/lock_folder.ts";
import { holding } from "../../contract/lock_holding.ts";
import { moment, register } from "../../contract/suite.ts";
import { fails } from "../../fails.ts";
import { runtimes, startProgram } from "../../runtimes.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const STALE = 2_000;

function locksIn(folder: string): FileLock {
  mkdirSync(join(folder, "tmp"), { recursive: true });
  return fileLock(folder, { clock: systemClock, tmp: join(folder, "tmp"), stale: STALE });
}

// What core/lock.ts promises at one moment, but for shared holders: a file lock knows none.
for (const [promise, run] of Object.entries(holding)) {
  if (promise.startsWith("shared")) continue;
  register(test, `file lock: ${promise}`, async () => {
    using folder = temporaryFolder();
    await run({
      lock(clock) {
        mkdirSync(join(folder.path, "tmp"), { recursive: true });
        return fileLock(folder.path, { clock, tmp: join(folder.path, "tmp") });
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  });
}

/** A process that holds the lock, and what it says. */
async function holder(folder: string, runtime = runtimes[0]) {
  assert.ok(runtime);
  const child = startProgram(runtime, new URL("./lock_holder.ts", import.meta.url), [
    folder,
    String(STALE),
  ]);
  const said: string[] = [];
  child.stdout?.setEncoding("utf8").on(
    "data",
    (text: string) => said.push(...text.trim().split("\n")),
  );
  const hears = async (word: string) => {
    for (let i = 0; !said.includes(word) && child.exitCode === null && i < 2_000; i++) {
      await moment(10);
    }
    assert.ok(said.includes(word), `the process said "${said}", not "${word}"`);
  };
  const ended = new Promise<void>((done) => void child.once("close", () => done()));
  await hears("held");
  return { child, hears, ended };
}

for (const runtime of runtimes) {
  test(`the lock of a ${runtime.name} process that was killed is taken over once it is stale`, {
    timeout: 30_000,
  }, async () => {
    using folder = temporaryFolder();
    const lock = locksIn(folder.path);
    const { child, ended } = await holder(folder.path, runtime);
    await fails(lock.acquire("lock"), "locked", new RegExp(`process ${child.pid}\\b`));
    child.kill("SIGKILL");
    await ended;
    await fails(lock.acquire("lock"), "locked");
    const start = performance.now();
    await using lease = await lock.acquire("lock", { wait: 10_000 });
    assert.ok(performance.now() - start < STALE + 2_000);
    lease.assertHeld();
    assert.deepEqual(readdirSync(join(folder.path, "tmp")), []);
  });
}

test("a holder that sleeps too long gets lease_lost, and its release leaves the next one's lock", {
  timeout: 60_000,
}, async () => {
  using folder = temporaryFolder();
  const { child, hears, ended } = await holder(folder.path);
  process.kill(child.pid ?? 0, "SIGSTOP");
  try {
    await using lease = await locksIn(folder.path).acquire("lock", { wait: 10_000 });
    process.kill(child.pid ?? 0, "SIGCONT");
    await hears("lease_lost");
    await hears("released");
    await ended;
    await moment(STALE / 2);
    lease.assertHeld();
    assert.ok(existsSync(join(folder.path, "lock")));
  } finally {
    child.kill("SIGKILL");
  }
});

test("a process that is asked to end takes its lock with it", async () => {
  using folder = temporaryFolder();
  const { child, ended } = await holder(folder.path);
  child.kill("SIGTERM");
  await ended;
  assert.equal(existsSync(join(folder.path, "lock")), false);
});

test("of two who saw the same stale lock one removes it, the other not even its successor", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "lock");
  const place = { path, tmp: folder.path, stale: STALE, clock: systemClock };
  const [first, second] = [lockFolder(place).fs, lockFolder(place).fs];
  const run = (step: (done: (error: unknown) => void) => void) => {
    let result: unknown = "not called back";
    step((error) => result = error);
    return result as { code?: string } | null;
  };
  mkdirSync(path);
  const old = new Date(Date.now() - 60_000);
  utimesSync(path, old, old);
  assert.equal(run((done) => first.stat(path, done)), null);
  assert.equal(run((done) => second.stat(path, done)), null);
  assert.equal(run((done) => first.rmdir(path, done)), null);
  assert.equal(run((done) => first.mkdir(path, done)), null);
  assert.equal(run((done) => second.rmdir(path, done))?.code, "ELOCKED");
  assert.ok(existsSync(path));
  // The first one's release is of its own lock alone, too.
  rmdirSync(path);
  assert.equal(run((done) => second.mkdir(path, done)), null);
  utimesSync(path, old, old);
  first.rmdirSync(path);
  assert.ok(existsSync(path));
});

test("waiting ends at once when the lock is no longer wanted", async () => {
  using folder = temporaryFolder();
  const lock = locksIn(folder.path);
  await using _held = await lock.acquire("lock");
  let asked = 0;
  const waiting = lock.acquire("lock", {
    wait: 60_000,
    before() {
      if (++asked > 3) throw new Error("not wanted");
    },
  });
  await assert.rejects(waiting, /not wanted/);
});

test(
  "six processes, forty turns each: never two inside, none missing",
  { timeout: 60_000 },
  async () => {
    using folder = temporaryFolder();
    locksIn(folder.path);
    const program = new URL("./lock_turns.ts", import.meta.url);
    const codes = await Promise.all(Array.from({ length: 6 }, (_, n) => {
      const runtime = runtimes[n % runtimes.length];
      assert.ok(runtime);
      const child = startProgram(runtime, program, [folder.path, "40"]);
      return new Promise((done) => child.once("close", done));
    }));
    assert.deepEqual(codes, Array(6).fill(0));
    const lock = locksIn(folder.path);
    await using lease = await lock.acquire("lock");
    assert.equal(isOciError(lease.signal.reason), false);
    assert.equal(readdirSync(folder.path).filter((name) => name.startsWith("turn-")).length, 240);
  },
);
