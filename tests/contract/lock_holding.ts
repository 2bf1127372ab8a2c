import assert from "node:assert/strict";
import process from "node:process";
import { type Clock, isOciError, type Lease, type Lock } from "../../core/mod.ts";
import { fakeClock } from "./clock.ts";
import { type Cases, fails } from "./suite.ts";

/** A place where locks are held. */
export interface LockPlace extends AsyncDisposable {
  /** The lock as one more process would see it, living by `clock`. */
  lock(clock: Clock): Lock;
}

/** Whether the lease can still be proven. */
export function holds(lease: Lease): boolean {
  try {
    lease.assertHeld();
    return true;
  } catch (error) {
    if (isOciError(error, "lease_lost")) return false;
    throw error;
  }
}

/** Whether somebody keeps us from having it at once. */
export async function taken(lock: Lock, name: string, mode?: "shared"): Promise<boolean> {
  try {
    await using _lease = await lock.acquire(name, mode && { mode });
    return false;
  } catch (error) {
    if (isOciError(error, "locked")) return true;
    throw error;
  }
}

/** Having it and not having it, at one moment. */
export const holding: Cases<LockPlace> = {
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

  "shared holders stand beside each other and keep an exclusive one out": async ({ lock }) => {
    const clock = fakeClock();
    const [a, b, c] = [lock(clock), lock(clock), lock(clock)];
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
