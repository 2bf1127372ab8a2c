import { OciError } from "./errors.ts";

/** Lets work through, a few pieces at a time, until one fails. */
export interface Gate {
  /** Runs a piece of work once there is room; after a failure none is begun any more. */
  pass<T>(act: () => Promise<T>): Promise<T>;
  /** Waits for all, so that nothing runs on behind an error; throws the failure that came first. */
  all(promises: readonly Promise<void>[]): Promise<void>;
  /** Notes a failure. */
  fail(error: unknown): void;
  /** Fires with the first failure: what is under way may stop. */
  readonly signal: AbortSignal;
}

/** A gate for `most` pieces of work at once; throws `invalid` unless that is a count. */
export function createGate(most: number): Gate {
  if (!Number.isSafeInteger(most) || most < 1) {
    throw new OciError("invalid", `Cannot run ${most} jobs at once: at least one is needed`);
  }
  const failure = new AbortController();
  const waiting: (() => void)[] = [];
  let free = most;
  return {
    signal: failure.signal,
    fail: (error) => failure.abort(error),
    async pass(act) {
      if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      else free--;
      try {
        failure.signal.throwIfAborted();
        return await act();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else free++;
      }
    },
    async all(promises) {
      for (const one of await Promise.allSettled(promises)) {
        if (one.status === "rejected") failure.abort(one.reason);
      }
      failure.signal.throwIfAborted();
    },
  };
}
