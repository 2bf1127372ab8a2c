import type { Digest } from "./digest.ts";

/** A flag of a command. */
export interface FlagSpec {
  /**
   * What a value means: none for a switch, whole numbers for `count`, bytes for `size`, bytes a second for `rate`,
   * milliseconds for `duration`; the others stay text.
   */
  readonly type:
    | "switch"
    | "text"
    | "count"
    | "size"
    | "rate"
    | "duration"
    | "digest"
    | "platform";
  /** What it does, one line. */
  readonly help: string;
  /** One letter. */
  readonly short?: string;
  /** May stand more than once. */
  readonly many?: true;
  /** The words it takes; for a digest, those that may stand in its place. */
  readonly values?: readonly string[];
  /** How help calls its value, such as `DIR`. */
  readonly placeholder?: string;
  /** What holds without it, as it would be typed. A switch that is `true` by default is ended by `--no-` and its name. */
  readonly default?: string;
  /** The environment variable that stands in for it. */
  readonly env?: string;
}

/** The flags of a command, by their long name. */
export type FlagTable = Readonly<Record<string, FlagSpec>>;

/** The value of a flag: a list where it may stand more than once, for a switch how often it stands. */
export type FlagValue = string | number | boolean | readonly (string | number)[] | undefined;

/** The value of a flag that stands once. */
export type One<S extends FlagSpec> = S["type"] extends "count" | "size" | "rate" | "duration"
  ? number
  : S["type"] extends "digest" ? Digest | Word<S>
  : S extends { readonly values: readonly string[] } ? Word<S>
  : string;
/** The words that a flag takes. */
export type Word<S extends FlagSpec> = S extends { readonly values: readonly (infer W)[] } ? W
  : never;

/** What the flags of a table are worth once they are read. */
export type FlagValues<T extends FlagTable> = {
  readonly [K in keyof T]: T[K] extends { readonly type: "switch" }
    ? T[K] extends { readonly many: true } ? number : boolean
    : T[K] extends { readonly many: true } ? readonly One<T[K]>[]
    : T[K] extends { readonly default: string } ? One<T[K]>
    : One<T[K]> | undefined;
};

/** The flags of every command that writes to a place. */
export const writeFlags = {
  "lock-wait": {
    type: "duration",
    help: "wait this long for other writers",
    default: "30s",
    env: "STOWAGE_LOCK_WAIT",
  },
  "durability": {
    type: "text",
    help: "whether success waits for the disk",
    values: ["full", "none"],
    default: "full",
  },
  "dry-run": { type: "switch", help: "say what would be done, write nothing" },
} as const satisfies FlagTable;

/** The flag of a command that sets one name. */
export const expectFlags = {
  "expect": {
    type: "digest",
    values: ["none"],
    help: "set the name only if it stands for this digest; none: if it is free",
  },
} as const satisfies FlagTable;

/** The flags of every command that moves bytes. */
export const transferFlags = {
  "jobs": {
    type: "count",
    help: "how many blobs to move at once",
    default: "4",
    env: "STOWAGE_JOBS",
  },
  "rate": { type: "rate", help: "bytes a second, such as 20MiB/s", env: "STOWAGE_RATE" },
  "keep-going": { type: "switch", help: "do what can be done after a failure" },
  "resume": { type: "switch", help: "start interrupted blobs over", default: "true" },
} as const satisfies FlagTable;
