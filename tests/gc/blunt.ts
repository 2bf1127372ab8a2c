// A place that is collected by deadlines.
import { type Backend, type Blobs, type Clock, systemClock } from "../../core/mod.ts";
import { HOUR } from "./collecting.ts";

/** A clock that moves only while somebody sleeps. */
export function sleepersClock(): Clock {
  const start = systemClock.now() + HOUR;
  let slept = 0;
  return {
    ...systemClock,
    now: () => start + slept,
    sleep: (ms) => Promise.resolve(void (slept += Math.max(1, ms))),
  };
}

/** A store that cannot tell copies apart: it deletes whatever stands there, but nothing after the deadline. */
export function blunt({ blobs, ...backend }: Backend, clock: Clock): Backend {
  const { renew: _, trash: __, ...rest } = blobs;
  const plain: Blobs = {
    ...rest,
    deleteBound: 1_000,
    async delete(seen, { until } = {}) {
      const late = until === undefined || clock.now() >= until.getTime();
      const now = await Promise.all(seen.map(async (one) => await blobs.stat(one.digest) ?? one));
      if (!late) return await blobs.delete(now);
      return seen.map(({ digest }) => ({ digest, outcome: "failed" }));
    },
  };
  return { ...backend, blobs: plain, now: () => Promise.resolve(new Date(clock.now())) };
}
