import type { Docs } from "./backend.ts";
import type { Clock } from "./clock.ts";
import { editJson } from "./docs.ts";
import { OciError } from "./errors.ts";
import { beat, holds, leaseSchema, without } from "./lease_state.ts";
import type { Lease } from "./lock.ts";

/** Milliseconds a lease is trusted without a beat. */
export const TTL = 10_000;
/** Milliseconds after its last proof at which a holder gives up: well before others take it for dead. */
export const GIVE_UP = 0.8 * TTL;

/** What both clocks showed at one moment. */
export interface Reading {
  /** The steady clock, which may stand still while the machine sleeps. */
  readonly elapsed: number;
  /** The wall clock, which may be set. */
  readonly now: number;
}

/** What both clocks show. */
export function reading(clock: Clock): Reading {
  return { elapsed: clock.elapsed(), now: clock.now() };
}

/** Milliseconds since a moment, by the clock that says more. */
export function since(clock: Clock, then: Reading): number {
  return Math.max(clock.elapsed() - then.elapsed, clock.now() - then.now);
}

/** Where one holder stands. */
export interface Held {
  /** The documents. */
  readonly docs: Docs;
  /** The document of the lease. */
  readonly doc: string;
  /** The name of the lock. */
  readonly name: string;
  /** The holder. */
  readonly id: string;
  /** When the swap that made it a holder began, or earlier. */
  readonly proof: Reading;
}

/** Keeps a lease that was just taken: renews it, gives it up in time, releases it. */
export function hold(clock: Clock, { docs, doc, name, id, proof }: Held): Lease {
  const end = new AbortController();
  const lose = (why: string) => {
    if (!end.signal.aborted) {
      end.abort(new OciError("lease_lost", `Cannot rely on lock "${name}": ${why}`));
    }
  };
  const judge = () => {
    if (since(clock, proof) >= GIVE_UP) lose(`it was not renewed for ${GIVE_UP / 1000} s`);
  };
  /** False if the lease has ended meanwhile. */
  const pause = async (ms: number) => {
    await clock.sleep(ms, end.signal).catch(() => {});
    return !end.signal.aborted;
  };

  const renewing = async () => {
    let next = TTL / 3;
    while (await pause(next)) {
      let start = proof;
      try {
        const state = await editJson(docs, doc, leaseSchema, (state) => {
          start = reading(clock);
          return state && beat(state, id);
        }, { clock, wait: GIVE_UP, signal: end.signal });
        if (!holds(state, id)) lose("another holder took it over");
        proof = start;
        next = TTL / 3;
      } catch {
        next = TTL / 10; // Again, until the watch gives up.
      }
    }
  };
  const watching = async () => {
    do judge(); while (await pause(GIVE_UP - since(clock, proof)));
  };
  const loops = [renewing(), watching()];

  const release = async () => {
    lose("it was released");
    await Promise.all(loops);
    await leave(clock, docs, doc, id);
  };
  let released: Promise<void> | undefined;
  return {
    signal: end.signal,
    assertHeld() {
      judge();
      end.signal.throwIfAborted();
    },
    [Symbol.asyncDispose]: () => released ??= release(),
  };
}

/** Takes a claimant out of a lease. One that cannot be reached runs out by itself. */
export async function leave(clock: Clock, docs: Docs, doc: string, id: string): Promise<void> {
  try {
    await editJson(docs, doc, leaseSchema, (state) => {
      if (!state) return undefined;
      const rest = without(state, id);
      return rest.holders.length + rest.waiting.length > 0 ? rest : undefined;
    }, { clock, wait: TTL });
  } catch {
    // Nobody depends on it.
  }
}
