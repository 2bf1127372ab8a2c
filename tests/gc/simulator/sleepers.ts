import type { Clock } from "../../../core/mod.ts";
import { chanceOf } from "./chance.ts";
import type { Process } from "./process.ts";

/** When every world begins, by its wall clocks. */
export const EPOCH = Date.UTC(2024, 0, 1);

interface Sleeper {
  readonly process: Process;
  readonly due: number;
  wake(): void;
}

/** The clock of a process. */
interface ClockOptions {
  readonly process: () => Process;
  /** What its wall clock is ahead. */
  readonly skew: number;
  /** Decides its chances. */
  readonly seed: number;
}

/** Those who wait for a time to come, which only the world lets pass. */
export interface Sleepers {
  /** When the first of them is due; undefined if nobody sleeps. */
  readonly next: number | undefined;
  /** A clock by which a process sleeps. */
  clockOf(options: ClockOptions): Clock;
  /** Wakes all that are due, in order. */
  wake(): void;
  /** Lets those of a process sleep for ever. */
  forget(process: Process): void;
}

/** The sleepers of a world whose time that is. */
export function sleepersBy(time: () => number): Sleepers {
  const sleepers = new Set<Sleeper>();

  function sleep(process: Process, ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper = { process, due: time() + Math.max(0, ms), wake: resolve };
    const stop = () => {
      sleepers.delete(sleeper);
      reject(signal?.reason);
    };
    if (signal?.aborted) stop();
    else if (process.alive) sleepers.add(sleeper);
    signal?.addEventListener("abort", stop, { once: true });
    return promise;
  }

  return {
    get next() {
      return sleepers.size > 0 ? Math.min(...[...sleepers].map(({ due }) => due)) : undefined;
    },
    clockOf: ({ process, skew, seed }) => ({
      now: () => EPOCH + time() + skew,
      elapsed: time,
      random: chanceOf(seed).next,
      sleep: (ms, signal) => sleep(process(), ms, signal),
    }),
    wake() {
      const due = [...sleepers].filter((one) => one.due <= time());
      for (const one of due.sort((a, b) => a.due - b.due)) {
        sleepers.delete(one);
        one.wake();
      }
    },
    forget(process) {
      for (const one of sleepers) if (one.process === process) sleepers.delete(one);
    },
  };
}
