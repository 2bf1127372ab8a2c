import type { Digest } from "../../core/mod.ts";
import type { Failed } from "./collect.ts";
import type { Policy } from "./policy.ts";

/** An entry that goes. */
export interface Dropped {
  /** Its name, if it has one. */
  readonly name: string | null;
  /** What it stands for. */
  readonly digest: Digest;
  /** The number of the rule from 1, or a word such as `untagged` and `referrer`. */
  readonly rule: string;
  /** Why, for people. */
  readonly reason: string;
}

/** An object and what becomes of it. */
export interface ReportedObject {
  /** Its name. */
  readonly digest: Digest;
  /** Its bytes. */
  readonly size: number;
  /** Left: in use again, or not got to. */
  readonly action: "delete" | "wait" | "left";
  /** Why, for people. */
  readonly reason: string;
}

/** Counts, or bytes, by what became of them. */
export interface Totals {
  /** Something kept needs them. */
  readonly live: number;
  /** Nothing does, and they are old enough to go. */
  readonly unreachable: number;
  /** Nothing does, but they are young. */
  readonly waiting: number;
  /** Gone, or to go in a dry run. */
  readonly deleted: number;
}

/** Seconds that the parts of a run took. */
export interface Phases {
  /** Going on with an earlier run. */
  readonly resume: number;
  /** Looking and judging. */
  readonly plan: number;
  /** Condemning and deleting. */
  readonly sweep: number;
  /** Trash and unfinished writes. */
  readonly tidy: number;
}

/** What was run: a plan alone, all of it, or all of it without a write. */
export type Mode = "plan" | "apply" | "dry-run";

/** What a collection found and did: the same document for plan, apply and dry run. */
export interface Report {
  /** What was run. */
  readonly mode: Mode;
  /** When it began, RFC 3339. */
  readonly started: string;
  /** When it ended. */
  readonly finished: string;
  /** When it looked, by the store's clock: nothing younger than its grace was judged. */
  readonly t0: string;
  /** The number of the collection. */
  readonly epoch: number;
  /** Names the run that condemned, if one did. */
  readonly run?: string;
  /** Commits of the index before and after. */
  readonly generation: readonly [number, number];
  /** By what it was judged; times in milliseconds. */
  readonly policy: Policy;
  /** The entries of the index. */
  readonly refs: References;
  /** Blobs, counted. */
  readonly blobs: Totals;
  /** Their bytes. */
  readonly bytes: Totals;
  /** Blobs that could have gone and did not. */
  readonly spared: Spared;
  /** Of the deleted, those that an earlier run had condemned. */
  readonly resumed: number;
  /** Blobs that could not be deleted. */
  readonly failed: readonly Failed[];
  /** Reachable, and gone: a program that does not know the protocol was at it. */
  readonly damaged: readonly Digest[];
  /** Reachable, and back from the trash. */
  readonly restored: readonly Digest[];
  /** Nodes that are not stored, as is legal in a sparse layout. */
  readonly missing: readonly Digest[];
  /** Referrers that stay, though their subject is not stored. */
  readonly orphanReferrers: readonly Digest[];
  /** What can come back. */
  readonly trash: TrashReport;
  /** Unfinished writes that nobody went on with for a day, given up. */
  readonly ingestsExpired: number;
  /** Requests made, by class. */
  readonly requests: Readonly<Record<string, number>>;
  /** Seconds that each part took. */
  readonly phases?: Phases;
  /** With `explain`: a reason per object. */
  readonly objects?: readonly ReportedObject[];
  /** What would have been refused. */
  readonly warnings: readonly GcWarning[];
  /** Why it ended early. */
  readonly stopped?: string;
  /** When there will be work again, as far as is known now. */
  readonly next?: string;
}

/** What became of the entries. */
export interface References {
  /** How many stay. */
  readonly kept: number;
  /** Those that go. */
  readonly dropped: readonly Dropped[];
}

/** Bytes that can come back. */
export interface TrashReport {
  /** How many. */
  readonly bytes: number;
  /** Until when the last of them can. */
  readonly until?: string;
}

/** Something that would stop a collection. */
export interface GcWarning {
  /** The code of the error it would be. */
  readonly code: string;
  /** Its sentence. */
  readonly message: string;
}

/** Blobs that could have gone and did not, by the reason. */
export interface Spared {
  /** Within their grace. */
  readonly young: number;
  /** A writer said in time that it counts on them. */
  readonly rescued: number;
  /** Another copy stood there. */
  readonly replaced: number;
  /** Of an algorithm that is not ours to judge. */
  readonly unknownAlgorithm: number;
}
