import type { Store } from "../../core/mod.ts";

/** What a run may spend. Looking is not bounded: half a look is worth nothing. */
export interface Budget {
  /** Blobs deleted. Where copies cannot be told apart, a list that was begun is gone through. */
  readonly deletes?: number;
  /** Milliseconds since the run began; what an earlier run has left gets on by one group in any case. */
  readonly time?: number;
  /** Requests made since the run began, where the place counts them. */
  readonly requests?: number;
}

/** What a run has spent. */
export interface Meter {
  /** Notes that so many blobs were deleted. */
  count(deletes: number): void;
  /** How many more may be deleted. */
  readonly left: number;
  /** Grants one group whatever time and requests say: what an earlier run has left must get on. */
  grant(): void;
  /** Why it has to stop now, if it has to. */
  stop(): string | undefined;
}

/** Starts to count what a run spends; its signal stops it as well. */
export function startMeter({ clock, backend, signal }: Store, budget: Budget): Meter {
  const requests = () =>
    Object.values(backend.usage?.() ?? {}).reduce((sum, count) => sum + count, 0);
  const [began, before] = [clock.elapsed(), requests()];
  let [deletes, granted] = [0, false];
  const most = budget.deletes ?? Infinity;
  return {
    count: (more) => void (deletes += more),
    grant: () => void (granted = true),
    get left() {
      return Math.max(0, most - deletes);
    },
    stop() {
      if (signal?.aborted) return "told to end";
      if (deletes >= most) return "budget of deletes is spent";
      if (granted) return void (granted = false);
      if (clock.elapsed() - began >= (budget.time ?? Infinity)) return "budget of time is spent";
      if (requests() - before < (budget.requests ?? Infinity)) return undefined;
      return "budget of requests is spent";
    },
  };
}
