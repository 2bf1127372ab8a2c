import type { Digest, LayoutFacts, Notice } from "../../core/mod.ts";

/** Something that is wrong, or odd. */
export interface Problem {
  /** A word to switch on: that of an error, or of a notice. */
  readonly code: string;
  /** What is wrong, for people. */
  readonly message: string;
  readonly digest?: Digest;
  readonly name?: string;
  /** From the root: its name, then the place in each parent. */
  readonly path?: readonly string[];
  /** It was mended. */
  readonly repaired?: boolean;
}

/** What was odd, as a problem. */
export function problemOf({ code, message, digest, ref }: Notice): Problem {
  return {
    code,
    message,
    ...(digest === undefined ? {} : { digest }),
    ...(ref === undefined ? {} : { name: ref }),
  };
}

/** Tells of an index that was made anew and that nobody has looked at since. */
export function markOf({ repaired }: LayoutFacts): Problem[] {
  if (repaired === undefined) return [];
  const message =
    `The index was made anew at ${repaired}: gc waits for "stowage check --accept-index"`;
  return [{ code: "repaired", message }];
}
