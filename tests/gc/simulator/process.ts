import type { Clock } from "../../../core/mod.ts";

/** Something that runs, until it ends or dies: then it never goes on, at whatever step it is. */
export interface Process {
  readonly name: string;
  readonly clock: Clock;
  alive: boolean;
  rank: number;
}

/** What processes are called. */
export function names(processes: Iterable<Process>): string {
  return [...processes].map(({ name }) => name).join(", ");
}
