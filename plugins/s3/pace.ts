import type { Clock } from "../../core/mod.ts";

/** How many requests are in flight. A server that asks for less gets half as many, and more again as it answers. */
export interface Pace {
  /** Waits for its turn. */
  enter(): Promise<void>;
  /** Gives the turn back. */
  leave(): void;
  /** The server asked for less. */
  slow(): void;
}

const [MOST, LEAST, GROWTH] = [32, 2, 50];

/** A pace that begins at its most. */
export function createPace(most = MOST): Pace {
  const waiting: (() => void)[] = [];
  let limit = most;
  let busy = 0;
  let good = 0;
  const admit = () => {
    while (busy < limit && waiting.length > 0) {
      busy++;
      waiting.shift()?.();
    }
  };
  return {
    enter() {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      admit();
      return promise;
    },
    leave() {
      busy--;
      if (++good >= GROWTH) {
        limit = Math.min(most, limit + 1);
        good = 0;
      }
      admit();
    },
    slow() {
      limit = Math.max(LEAST, limit >> 1);
      good = 0;
    },
  };
}

/** A pause before the next try, in milliseconds: full jitter up to a limit that doubles from 100 ms to 10 s. */
export function pauseOf(clock: Clock, attempt: number): number {
  return clock.random() * Math.min(10_000, 100 * 2 ** attempt);
}
