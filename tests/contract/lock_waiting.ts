import assert from "node:assert/strict";
import { isOciError, type Lease, type Lock, type LockOptions } from "../../core/mod.ts";
import { type FakeClock, fakeClock } from "./clock.ts";
import { holds, type LockPlace, taken } from "./lock_holding.ts";
import { type Cases, fails, moment } from "./suite.ts";

/** Asks for the lock, and comes back once the asker waits. */
async function queue(
  clock: FakeClock,
  lock: Lock,
  options: LockOptions = {},
): Promise<{ lease: Promise<Lease> }> {
  const before = clock.sleepers;
  const lease = lock.acquire("gc", { wait: 60_000, ...options });
  lease.catch(() => {}); // Whoever awaits it hears of it.
  for (let i = 0; i < 10_000 && clock.sleepers === before; i++) await moment(1);
  return { lease };
}

/** Waiting for it, keeping it and losing it as time passes. */
export const waiting: Cases<LockPlace> = {
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

  "who wants it alone is not starved by those who share it": async ({ lock }) => {
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
