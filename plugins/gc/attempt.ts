import { type Clock, isOciError } from "../../core/mod.ts";
import type { Run } from "./metrics.ts";
import type { Report } from "./report.ts";

/** A run of a place: what it came to, and what it threw. */
export interface Attempt extends Run {
  readonly error?: unknown;
}

/** Runs a collection; what it throws is part of the answer. */
export async function attempt(clock: Clock, act: () => Promise<Report>): Promise<Attempt> {
  const started = clock.now();
  try {
    const report = await act();
    const good = report.failed.length + report.damaged.length === 0;
    return { outcome: good ? "ok" : "failed", started, finished: clock.now(), report };
  } catch (error) {
    // A collection that is under way elsewhere does the same work.
    const outcome = isOciError(error, "locked") ? "skipped" : "failed";
    return { outcome, started, finished: clock.now(), error };
  }
}
