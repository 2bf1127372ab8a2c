import type { Setting } from "./simulate.ts";
import type { Laws } from "./shelf.ts";

/** A protection that is taken away. */
export interface Mutation {
  /** What is missing, as a sentence. */
  readonly name: string;
  readonly setting: Setting & { readonly laws: Pick<Laws, "protocol"> };
}

/** Collections that take what they can at once. */
export const prompt = { grace: 0, quarantine: 0, images: 2 } as const;
/** Each process does one thing, at once. */
export const alone = { runs: 1, threads: 1, pause: 0, drops: false, undo: false } as const;
/** Nothing goes wrong but what is named besides. */
export const fair = { faults: 0, crashes: 0, jumps: 0, delays: 0 } as const;
/** Deletes that nobody knows the outcome of, and that arrive much later. */
export const slowDeletes = {
  faults: 0.7,
  frail: /^delete/,
  fates: ["late", "twice"],
  arrivals: 0.005,
} as const;
