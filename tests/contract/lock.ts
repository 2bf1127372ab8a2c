import assert from "node:assert/strict";
import process from "node:process";
import { type Clock, isOciError, type Lease, type Lock, type LockOptions } from "../../core/mod.ts";
import { type FakeClock, fakeClock } from "./clock.ts";
import { type Cases, fails, moment, register, skip, type Test } from "./suite.ts";

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
  /** It knows no shared holders: whatever the mode, there is one holder. */
  readonly exclusiveOnly?: boolean;
  /** It lives by the machine's clock: the cases that let time pass are skipped. */
  readonly realTime?: boolean;
}

type Locks = Pick<LockPlace, "lock"> & { needsShared(): void };

function holds(lease: Lease): boolean {
  try {
    lease.assertHeld();
    return true;
  } catch (error) {
    if (isOciError(error, "lease_lost")) return false;
    throw error;
  }
}

/** Whether somebody keeps us from having it at once. */
async function taken(lock: Lock, name: string, mode?: "shared"): Promise<boolean> {
  try {
    await using _lease = await lock.acquire(name, mode && { mode });
    return false;
  } catch (error) {
    if (isOciError(error, "locked")) return true;
    throw error;
  }
}

/** Asks for the lock, and comes back once the asker waits. */
async function queue(
  clock: FakeClock,
  lock: Lock,
  options: LockOptions = {},
): Promise<{ lease: Promise<Lease> }> {
  const before = clock.sleepers;
  const lease = lock.acquire("gc", { wait: 60_000, ...options });
  lease.catch(() => {}); // Whoever awaits it hears of it.
  for (let i = 0; i < 1000 && clock.sleepers === before; i++) await moment(1);
  return { lease };
}

/** What can be asked of any lock. */
const locks: Cases<Locks> = {
  "one holder at a time, and the next once it is released": async ({ lock }) => {
    const clock = fakeClock();
    const [a, b] = [lock(clock), lock(clock)];
    const lease = await a.acquire("gc");
    assert.ok(holds(lease));
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

  "shared holders stand beside each other and keep an exclusive one out": async (locks) => {
    locks.needsShared();
    const clock = fakeClock();
    const [a, b, c] = [locks.lock(clock), locks.lock(clock), locks.lock(clock)];
    const first = await a.acquire("gc", { mode: "shared" });
    const second = await b.acquire("gc", { mode: "shared" });
    assert.equal(await taken(c, "gc"), true);
    await first[Symbol.asyncDispose]();
    assert.ok(holds(second));
    assert.equal(await taken(c, "gc"), true);
    await second[Symbol.asyncDispose]();
    await using _third = await c.acquire("gc");
    assert.equal(await taken(a, "gc", "shared"), true);
  },

  "`locked` names the holder": async ({ lock }) => {
    const clock = fakeClock();
    await using _lease = await lock(clock).acquire("gc");
    const error = await lock(clock).acquire("gc").catch((error: unknown) => error);
    assert.ok(isOciError(error, "locked"), String(error));
    assert.match(error.message, new RegExp(`\\b${process.pid}\\b`));
  },

  "an aborted signal takes nothing": async ({ lock }) => {
    const one = lock(fakeClock());
    await fails(one.acquire("gc", { signal: AbortSignal.abort() }), "aborted");
    assert.equal(await taken(one, "gc"), false);
  },

  "a released lease holds nothing; releasing it twice does not touch the next": async (
    { lock },
  ) => {
    const clock = fakeClock();
    const lease = await lock(clock).acquire("gc");
    await lease[Symbol.asyncDispose]();
    assert.equal(holds(lease), false);
    await using next = await lock(clock).acquire("gc");
    await lease[Symbol.asyncDispose]();
    assert.ok(holds(next));
    assert.equal(await taken(lock(clock), "gc"), true);
  },
};

/** What takes time. */
const slow: Cases<Locks> = {
  "eight who wait all get it, one after the other": async ({ lock }) => {
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

  "who wants it alone is not starved by those who share it": async ({ lock, needsShared }) => {
    needsShared();
    const clock = fakeClock();
    const [a, b, c] = [lock(clock), lock(clock), lock(clock)];
    const sharing = await a.acquire("gc", { mode: "shared" });
    const alone = await queue(clock, b);
    assert.equal(await taken(c, "gc", "shared"), true);
    await sharing[Symbol.asyncDispose]();
    await using lease = await clock.until(alone.lease);
    assert.ok(holds(lease));
  },

  "waiting ends after `wait`, and leaves no trace": async ({ lock }) => {
    const clock = fakeClock();
    const lease = await lock(clock).acquire("gc");
    const start = clock.elapsed();
    await clock.until(fails(lock(clock).acquire("gc", { wait: 30_000 }), "locked"));
    const waited = clock.elapsed() - start;
    assert.ok(waited >= 30_000 && waited < 40_000, `it took ${waited} ms`);
    assert.ok(holds(lease));
    await lease[Symbol.asyncDispose]();
    assert.equal(await taken(lock(clock), "gc"), false);
  },

  "a signal ends the waiting with `aborted`, and leaves no trace": async ({ lock }) => {
    const clock = fakeClock();
    const lease = await lock(clock).acquire("gc");
    const stop = new AbortController();
    const waiting = await queue(clock, lock(clock), { signal: stop.signal });
    stop.abort();
    await clock.until(fails(waiting.lease, "aborted"));
    await lease[Symbol.asyncDispose]();
    assert.equal(await taken(lock(clock), "gc"), false);
  },

  "a holder that lives keeps it for as long as it likes": async ({ lock }) => {
    const clock = fakeClock();
    await using lease = await lock(clock).acquire("gc");
    const next = lock(clock).acquire("gc", { wait: 60_000 });
    await clock.until(fails(next, "locked"));
    lease.assertHeld();
    assert.equal(lease.signal.aborted, false);
  },

  "after a suspend nothing is held, and what was lost stays lost": async ({ lock }) => {
    const clock = fakeClock();
    await using lease = await lock(clock).acquire("gc");
    clock.suspend(60_000);
    assert.throws(() => lease.assertHeld(), (error) => isOciError(error, "lease_lost"));
    assert.equal(lease.signal.aborted, true);
    await clock.advance(10_000);
    assert.equal(holds(lease), false);
  },

  "a frozen holder is replaced; when it wakes it holds and disturbs nothing": async ({ lock }) => {
    const [frozen, clock] = [fakeClock(), fakeClock()];
    const lost = await lock(frozen).acquire("gc");
    await using lease = await clock.until(lock(clock).acquire("gc", { wait: 60_000 }));
    const waited = clock.elapsed();
    assert.ok(waited >= 10_000 && waited <= 30_000, `replaced after ${waited} ms`);
    await frozen.advance(waited);
    assert.equal(lost.signal.aborted, true);
    assert.equal(holds(lost), false);
    await lost[Symbol.asyncDispose]();
    assert.ok(holds(lease));
    assert.equal(await taken(lock(clock), "gc"), true);
  },

  "a frozen waiter is not waited for": async ({ lock }) => {
    const [frozen, clock] = [fakeClock(), fakeClock()];
    const lease = await lock(clock).acquire("gc");
    const stop = new AbortController();
    const stuck = await queue(frozen, lock(frozen), { signal: stop.signal });
    await lease[Symbol.asyncDispose]();
    await using _next = await clock.until(lock(clock).acquire("gc", { wait: 60_000 }));
    stop.abort();
    await frozen.until(fails(stuck.lease, "aborted"));
  },
};

/** Asks of a lock all that core/lock.ts promises, each sentence in a place of its own. */
export function lockContract(
  name: string,
  { test, place, exclusiveOnly, realTime }: LockSuite,
): void {
  for (const [promise, run] of Object.entries({ ...locks, ...slow })) {
    register(test, `${name}: ${promise}`, async () => {
      if (realTime && promise in slow) skip("lives by the machine's clock");
      await using opened = await place();
      await run({
        lock: (clock) => opened.lock(clock),
        needsShared: () => exclusiveOnly && skip("knows no shared holders"),
      });
    });
  }
}
