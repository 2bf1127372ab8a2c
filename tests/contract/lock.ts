import assert from "node:assert/strict";
import process from "node:process";
import { type Clock, isOciError, type Lease, type Lock } from "../../core/mod.ts";
import { fakeClock } from "./clock.ts";
import { type Cases, fails, register, type Test } from "./suite.ts";

/** A place where locks are held. */
export interface LockPlace extends AsyncDisposable {
  /** The lock as one more process would see it, living by `clock`. */
  lock(clock: Clock): Lock;
}

/** What the suite needs to know of a lock. */
export interface LockSuite {
  /** The runner: `Deno.test`, or `test` of `node:test`. */
  readonly test: Test;
  /** A fresh place where nothing is locked. */
  place(): Promise<LockPlace>;
  /** It knows no shared holders, and takes every one for exclusive. */
  readonly exclusiveOnly?: boolean;
  /** It lives by the machine's clock, whatever clock it is given: cases that let time pass are skipped. */
  readonly realTime?: boolean;
}

type Locks = LockPlace & Pick<LockSuite, "exclusiveOnly" | "realTime">;

const held = (lease: Lease): boolean => {
  try {
    lease.assertHeld();
    return true;
  } catch (error) {
    if (isOciError(error, "lease_lost")) return false;
    throw error;
  }
};

/** Whether nobody can have it now. */
async function taken(
  lock: Lock,
  name: string,
  mode: "shared" | "exclusive" = "exclusive",
): Promise<boolean> {
  try {
    await using _lease = await lock.acquire(name, { mode });
    return false;
  } catch (error) {
    if (isOciError(error, "locked")) return true;
    throw error;
  }
}

const locks: Cases<Locks> = {
  "one holder at a time, and the next once it is released": async ({ lock }) => {
    const clock = fakeClock();
    const [a, b] = [lock(clock), lock(clock)];
    const lease = await a.acquire("gc");
    assert.ok(held(lease));
    assert.equal(lease.signal.aborted, false);
    await fails(b.acquire("gc"), "locked");
    await fails(a.acquire("gc"), "locked");
    await lease[Symbol.asyncDispose]();
    assert.equal(await taken(b, "gc"), false);
  },

  "names are independent, and may have folders": async ({ lock }) => {
    const one = lock(fakeClock());
    await using _gc = await one.acquire("gc");
    await using _ingest = await one.acquire("ingest/00ff");
    assert.equal(await taken(one, "repair"), false);
    assert.equal(await taken(one, "ingest/00ff"), true);
    assert.equal(await taken(one, "ingest/00fe"), false);
  },

  "shared holders stand beside each other and keep an exclusive one out": async (
    { lock, exclusiveOnly },
  ) => {
    if (exclusiveOnly) skip("knows no shared holders");
    const clock = fakeClock();
    const [a, b, c] = [lock(clock), lock(clock), lock(clock)];
    const first = await a.acquire("gc", { mode: "shared" });
    const second = await b.acquire("gc", { mode: "shared" });
    assert.equal(await taken(c, "gc"), true);
    await first[Symbol.asyncDispose]();
    assert.ok(held(second));
    assert.equal(await taken(c, "gc"), true);
    await second[Symbol.asyncDispose]();
    await using _third = await c.acquire("gc");
    assert.equal(await taken(a, "gc", "shared"), true);
  },

  "eight who wait all get it, one after the other": async ({ lock, realTime }) => {
    if (realTime) skip("lives by the machine's clock");
    const clock = fakeClock();
    let [inside, most, turns] = [0, 0, 0];
    await clock.until(Promise.all(Array.from({ length: 8 }, async () => {
      await using lease = await lock(clock).acquire("gc", { wait: 600_000 });
      most = Math.max(most, ++inside);
      await clock.sleep(50);
      lease.assertHeld();
      inside--;
      turns++;
    })));
    assert.deepEqual([most, turns], [1, 8]);
  },

  "whoever waits for it alone is not starved by those who share it": async (
    { lock, exclusiveOnly, realTime },
  ) => {
    if (exclusiveOnly) skip("knows no shared holders");
    if (realTime) skip("lives by the machine's clock");
    const clock = fakeClock();
    const [a, b, c] = [lock(clock), lock(clock), lock(clock)];
    const sharing = await a.acquire("gc", { mode: "shared" });
    const alone = b.acquire("gc", { wait: 60_000 });
    await clock.advance(3000);
    assert.equal(await taken(c, "gc", "shared"), true);
    await sharing[Symbol.asyncDispose]();
    await using lease = await clock.until(alone);
    assert.ok(held(lease));
  },

  "waiting ends with `locked`, naming the holder": async ({ lock, realTime }) => {
    const clock = fakeClock();
    await using lease = await lock(clock).acquire("gc");
    const waiting = lock(clock).acquire("gc", { wait: realTime ? 500 : 30_000 });
    const error = await clock.until(waiting.then(() => undefined, (error: unknown) => error));
    assert.ok(isOciError(error, "locked"), String(error));
    assert.match(error.message, new RegExp(`\\b${process.pid}\\b`));
    assert.ok(held(lease), "a holder that lives keeps its lease however long others wait");
  },

  "a signal ends the waiting with `aborted`, and whoever waited is out of the way": async (
    { lock },
  ) => {
    const clock = fakeClock();
    const lease = await lock(clock).acquire("gc");
    await fails(lock(clock).acquire("gc", { signal: AbortSignal.abort() }), "aborted");
    const stop = new AbortController();
    const waiting = lock(clock).acquire("gc", { wait: 60_000, signal: stop.signal });
    const ended = fails(waiting, "aborted");
    await clock.advance(1000);
    stop.abort();
    await clock.until(ended);
    await lease[Symbol.asyncDispose]();
    assert.equal(await taken(lock(clock), "gc"), false);
  },

  "releasing twice is fine, and does not touch the next holder": async ({ lock }) => {
    const clock = fakeClock();
    const lease = await lock(clock).acquire("gc");
    await lease[Symbol.asyncDispose]();
    await using next = await lock(clock).acquire("gc");
    await lease[Symbol.asyncDispose]();
    assert.ok(held(next));
    assert.equal(await taken(lock(clock), "gc"), true);
    assert.equal(held(lease), false);
  },

  "a holder that lives is not replaced": async ({ lock, realTime }) => {
    if (realTime) skip("lives by the machine's clock");
    const clock = fakeClock();
    await using lease = await lock(clock).acquire("gc");
    await clock.advance(120_000);
    lease.assertHeld();
    assert.equal(lease.signal.aborted, false);
    assert.equal(await taken(lock(clock), "gc"), true);
  },

  "after a suspend nothing is held": async ({ lock, realTime }) => {
    if (realTime) skip("lives by the machine's clock");
    const clock = fakeClock();
    await using lease = await lock(clock).acquire("gc");
    clock.suspend(60_000);
    assert.throws(() => lease.assertHeld(), (error) => isOciError(error, "lease_lost"));
    assert.equal(lease.signal.aborted, true);
    await clock.advance(10_000);
    assert.equal(held(lease), false, "what was lost stays lost");
  },

  "a frozen holder is replaced; when it wakes it holds nothing and disturbs nobody": async (
    { lock, realTime },
  ) => {
    if (realTime) skip("lives by the machine's clock");
    const [frozen, clock] = [fakeClock(), fakeClock()];
    const lost = await lock(frozen).acquire("gc");
    const start = clock.elapsed();
    await using lease = await clock.until(lock(clock).acquire("gc", { wait: 60_000 }));
    const waited = clock.elapsed() - start;
    assert.ok(waited >= 10_000 && waited <= 30_000, `replaced after ${waited} ms`);
    await frozen.advance(waited);
    assert.equal(held(lost), false);
    assert.equal(lost.signal.aborted, true);
    await lost[Symbol.asyncDispose]();
    assert.ok(held(lease));
    assert.equal(await taken(lock(clock), "gc"), true);
  },

  "a frozen waiter is not waited for": async ({ lock, realTime }) => {
    if (realTime) skip("lives by the machine's clock");
    const [frozen, clock] = [fakeClock(), fakeClock()];
    const lease = await lock(clock).acquire("gc");
    const stop = new AbortController();
    const stuck = fails(
      lock(frozen).acquire("gc", { wait: 60_000, signal: stop.signal }),
      "aborted",
    );
    await frozen.advance(0);
    const next = lock(clock).acquire("gc", { wait: 60_000 });
    await lease[Symbol.asyncDispose]();
    await using _next = await clock.until(next);
    stop.abort();
    await stuck;
  },
};

/** Asks of a lock all that core/lock.ts promises, each sentence in a place of its own. */
export function lockContract(name: string, { test, place, ...traits }: LockSuite): void {
  for (const [promise, run] of Object.entries(locks)) {
    register(test, `${name}: ${promise}`, async () => {
      await using opened = await place();
      await run({
        ...traits,
        lock: opened.lock,
        [Symbol.asyncDispose]: opened[Symbol.asyncDispose],
      });
    });
  }
}
