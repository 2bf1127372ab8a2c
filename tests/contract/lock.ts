import { holding, type LockPlace } from "./lock_holding.ts";
import { waiting } from "./lock_waiting.ts";
import { register, skip, type Test } from "./suite.ts";

export type { LockPlace };

/** What the suite needs to know of a lock. */
export interface LockSuite {
  /** The runner: `Deno.test`, or `test` of `node:test`. */
  readonly test: Test;
  /** A fresh place where nothing is locked. */
  place(): Promise<LockPlace>;
  /** It lives by the machine's clock: the cases that let time pass are skipped. */
  readonly realTime?: boolean;
}

/** Asks of a lock all that core/lock.ts promises, each sentence in a place of its own. */
export function lockContract(name: string, { test, place, realTime }: LockSuite): void {
  for (const [promise, run] of Object.entries({ ...holding, ...waiting })) {
    register(test, `${name}: ${promise}`, async () => {
      if (realTime && promise in waiting) skip("lives by the machine's clock");
      await using opened = await place();
      await run(opened);
    });
  }
}
