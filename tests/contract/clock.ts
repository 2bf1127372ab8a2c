import type { Clock, Docs } from "../../core/mod.ts";

/** A clock that moves only when it is told to. */
export interface FakeClock extends Clock {
  /** How many sleep now. */
  readonly sleepers: number;
  /** Lets `ms` milliseconds pass: whoever sleeps that long wakes, in order, each before the next. */
  advance(ms: number): Promise<void>;
  /** The machine sleeps: the wall clock goes on by `ms`, nothing else does, nobody wakes. */
  suspend(ms: number): void;
  /** Lets time pass until the promise is settled, from one sleeper to the next. */
  until<T>(promise: Promise<T>): Promise<T>;
}

interface Sleeper {
  readonly due: number;
  wake(): void;
}

let made = 0;

const turn = (ms = 0): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Documents that are being asked for, of all stores. */
let asked = 0;

/** Documents of a store that takes no time: while they are asked for, all clocks of tests stand still. */
export function timeless(docs: Docs): Docs {
  const still = async <T>(work: Promise<T>): Promise<T> => {
    asked++;
    try {
      return await work;
    } finally {
      asked--;
    }
  };
  return {
    ...docs,
    load: (...it) => still(docs.load(...it)),
    swap: (...it) => still(docs.swap(...it)),
  };
}

/**
 * Makes a clock that stands still. Chance is fixed as well, different for each clock, the same in each run.
 *
 * Work between two sleeps may be real (files, sockets): after waking somebody, the clock waits until as many sleep as
 * before, at most `patience` real milliseconds, and for as long as it takes to ask {@linkcode timeless} documents.
 */
export function fakeClock(start = Date.UTC(2024, 0, 1), patience = 100): FakeClock {
  let [elapsed, suspended, seed] = [0, 0, ++made * 7919];
  const sleepers = new Set<Sleeper>();

  const first = () => [...sleepers].sort((a, b) => a.due - b.due)[0];
  const step = async (limit: number, enough: () => boolean) => {
    const next = first();
    if (!next || next.due > limit) return false;
    const before = sleepers.size;
    elapsed = Math.max(elapsed, next.due);
    sleepers.delete(next);
    next.wake();
    const end = performance.now() + patience;
    const busy = () => sleepers.size < before && !enough() && performance.now() < end;
    await new Promise((done) => setImmediate(done));
    while (asked > 0 || busy()) await turn();
    return true;
  };

  return {
    get sleepers() {
      return sleepers.size;
    },
    now: () => start + elapsed + suspended,
    elapsed: () => elapsed,
    random: () => (seed = seed * 48271 % 2147483647) / 2147483647,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const stop = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          due: elapsed + ms,
          wake: () => {
            signal?.removeEventListener("abort", stop);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", stop, { once: true });
      }),
    async advance(ms) {
      const end = elapsed + ms;
      do await turn(); while (asked > 0);
      while (await step(end, () => false));
      elapsed = end;
    },
    suspend: (ms) => void (suspended += ms),
    async until(promise) {
      let settled = false;
      const settle = () => void (settled = true);
      promise.then(settle, settle);
      do await turn(); while (asked > 0);
      while (!settled) if (!await step(Infinity, () => settled)) await turn();
      return promise;
    },
  };
}
