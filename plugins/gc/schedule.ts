import { type Clock, type FlagValues, reading, usageError } from "../../core/mod.ts";
import type { scheduleFlags } from "./schedule_flags.ts";

/** When runs are due. All times are milliseconds since 1970. */
export interface Schedule {
  /** When the first run is due. */
  first(now: number): number;
  /** When the next one is due after a run that ended then; undefined if there is none any more. */
  next(end: number): number | undefined;
  /** How many fell due while one was under way that was due at `due`. */
  missed(due: number, end: number): number;
}

/** Runs that are counted as missed, at most. */
const MOST_MISSED = 10_000;

/**
 * The schedule that the flags ask for; undefined for a single run. Each run comes at random up to `--jitter` later:
 * a tenth of `--every`, nothing with `--cron`, unless it is given.
 *
 * @throws {OciError} `invalid` with reason `usage`.
 */
export async function scheduleOf(
  { every, cron, tz, jitter }: FlagValues<typeof scheduleFlags>,
  clock: Pick<Clock, "random">,
): Promise<Schedule | undefined> {
  if (every !== undefined && cron !== undefined) {
    throw usageError('Cannot take "--every" and "--cron": one schedule is enough');
  }
  if (tz !== undefined && cron === undefined) {
    throw usageError('Cannot take "--tz": it goes with "--cron"');
  }
  if (cron !== undefined) {
    const { cronTimes } = await import("./cron.ts");
    return byCron(reading(() => cronTimes(cron, tz ?? "UTC")), cron, jitter ?? 0, clock);
  }
  if (every === undefined) {
    if (jitter === undefined) return undefined;
    throw usageError('Cannot take "--jitter": it goes with "--every" and "--cron"');
  }
  if (every === 0) throw usageError('Cannot run every 0: write "--every 6h"');
  return {
    first: (now) => now,
    next: (end) => end + every + Math.round(clock.random() * (jitter ?? every / 10)),
    missed: () => 0,
  };
}

function byCron(
  after: (time: number) => number | undefined,
  expression: string,
  jitter: number,
  clock: Pick<Clock, "random">,
): Schedule {
  const late = (time: number | undefined) =>
    time === undefined ? undefined : time + Math.round(clock.random() * jitter);
  return {
    first(now) {
      const time = late(after(now));
      if (time !== undefined) return time;
      throw usageError(`Cannot wait for ${JSON.stringify(expression)}: that never comes`);
    },
    next: (end) => late(after(end)),
    missed(due, end) {
      let count = 0;
      for (let at = after(due); at !== undefined && at <= end; at = after(at)) {
        if (++count === MOST_MISSED) break;
      }
      return count;
    },
  };
}
