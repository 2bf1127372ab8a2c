import type { Digest, Layout, OnEvent, ProgressEvent, Tally } from "../../core/mod.ts";
import { bytes, plural } from "./text.ts";

/** Several copies into one place that are told of as one. */
export interface Run {
  /** For each of the copies. */
  readonly onEvent: OnEvent;
  /** The sums of those that have ended. */
  tally(): Tally;
  /** Tells that all have ended. */
  end(ok: boolean): void;
  /** What an interrupted run leaves behind for the next one, for people. */
  kept(target: Layout): Promise<string>;
}

const NONE: Tally = {
  blobs: 0,
  bytes: 0,
  sent: 0,
  sentBytes: 0,
  skipped: 0,
  adopted: 0,
  resumed: 0,
  seconds: 0,
};

/** Begins a run. In a rehearsal nothing is adopted: whether the place would take it as a whole is not known. */
export function startRun(place: string, rehearsal: boolean, onEvent: OnEvent): Run {
  const id = "copy";
  let sum = NONE;
  const begun = new Set<Digest>();
  const told = (event: ProgressEvent): ProgressEvent => {
    if (event.type !== "blob" || event.state !== "adopted" || !rehearsal) return event;
    sum = { ...sum, sent: sum.sent + 1, sentBytes: sum.sentBytes + event.done };
    return { ...event, state: "done" };
  };
  onEvent({ type: "start", id, action: "copy", place });
  return {
    onEvent(event) {
      if (event.type === "blob") {
        if (event.state === "moving") begun.add(event.digest);
        else if (event.state !== "failed") begun.delete(event.digest);
      }
      if (event.type === "end") {
        sum = plus(sum, rehearsal ? { ...event.tally, adopted: 0 } : event.tally);
      } else if (event.type !== "start") onEvent(told(event));
    },
    tally: () => sum,
    end: (ok) => onEvent({ type: "end", id, ok, tally: sum }),
    async kept(target) {
      const parts = (await target.statuses()).filter(({ ref }) => begun.has(digestOfRef(ref)));
      const size = parts.reduce((sum, { offset }) => sum + offset, 0);
      const whole = sum.sent + sum.skipped + sum.adopted;
      const partly = parts.length === 0
        ? []
        : [`${bytes(size)} of ${plural(parts.length, "blob")}`];
      const kept = [...whole === 0 ? [] : [`${plural(whole, "whole blob")}`], ...partly];
      return kept.length === 0 ? "kept nothing" : `kept ${kept.join(" and ")}`;
    },
  };
}

/** The digest that a copy names its write of a blob by. */
export function digestOfRef(ref: string): Digest {
  return ref.replace(/^copy\//, "") as Digest;
}

function plus(one: Tally, other: Tally): Tally {
  const sums = Object.keys(NONE) as (keyof Tally)[];
  return Object.fromEntries(
    sums.map((name) => [name, one[name] + other[name]]),
  ) as unknown as Tally;
}
