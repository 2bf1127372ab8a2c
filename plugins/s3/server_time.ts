import type { Clock } from "../../core/mod.ts";

/** The server's clock as its answers tell it: up to a second behind it. */
export interface ServerTime {
  /** Notes the `Date` of an answer. */
  learn(date: string | undefined): void;
  /** The time there in milliseconds, if an answer of the last minutes told it. */
  now(): number | undefined;
  /** The time that requests are signed with. */
  toSign(): number;
  /** Signs by the server's time from now on; false if it is not known. */
  correct(): boolean;
  /** Notes that the server asked for less. */
  slowedDown(): void;
  /** Whether it did within the last minute. */
  readonly slow: boolean;
}

/** Milliseconds for which an answer tells the time. */
const FRESH = 300_000;
const MINUTE = 60_000;
const SECOND = 1_000;

/** A server's clock that is not known yet. */
export function createServerTime(clock: Clock): ServerTime {
  let heard: { readonly date: number; readonly at: number } | undefined;
  let offset = 0;
  let slowed = -Infinity;
  const time: ServerTime = {
    learn(date) {
      const told = Date.parse(date ?? "");
      if (Number.isNaN(told)) return;
      // It was cut to a whole second: what an earlier answer told may say more, and time does not go back.
      const more = (time.now() ?? told) - told;
      heard = { date: more > 0 && more < SECOND ? told + more : told, at: clock.elapsed() };
    },
    now() {
      const since = heard ? clock.elapsed() - heard.at : Infinity;
      return heard && since < FRESH ? heard.date + since : undefined;
    },
    toSign: () => clock.now() + offset,
    correct() {
      const now = time.now();
      if (now !== undefined) offset = now - clock.now();
      return now !== undefined;
    },
    slowedDown: () => void (slowed = clock.elapsed()),
    get slow() {
      return clock.elapsed() - slowed < MINUTE;
    },
  };
  return time;
}
