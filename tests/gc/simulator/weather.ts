/** How rough the world is: shares of all steps, and how often a process may die. */
export interface Weather {
  /** Requests that fail, are lost, unanswered, late or sent twice. */
  readonly faults: number;
  /** The requests that faults happen to; else any. */
  readonly frail?: RegExp;
  /** What becomes of such a request, if it changes anything. */
  readonly fates: readonly Fate[];
  /** Answers that are on their way for long. */
  readonly delays: number;
  /** Steps at which something that is on its way arrives. */
  readonly arrivals: number;
  /** Steps at which time jumps, past graces and deadlines. */
  readonly jumps: number;
  /** Processes that may die in all. */
  readonly crashes: number;
  /** The requests that they die of; else at any step. */
  readonly fatal?: RegExp;
  /** How the next request is picked: any, or that of the process of highest rank, which changes now and then. */
  readonly order: "any" | "ranked";
  /** Requests before which the rank of a process changes; before those that decide something, ten times as many. */
  readonly turns: number;
}

/** Nothing goes wrong. */
export const calm: Weather = {
  faults: 0,
  fates: ["refused", "unanswered", "unanswered", "lost", "late", "twice"],
  delays: 0,
  arrivals: 1,
  jumps: 0,
  crashes: 0,
  order: "any",
  turns: 0.02,
};

/** What becomes of a request. */
export type Fate = "done" | "slow" | "refused" | "unanswered" | "lost" | "late" | "twice";
