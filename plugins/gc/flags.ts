import { readFile } from "node:fs/promises";
import {
  type CommandContext,
  type FlagTable,
  messageOf,
  reading,
  transferFlags,
  usageError,
  writeFlags,
} from "../../core/mod.ts";
import type { GcRequest } from "./library.ts";
import { fateOf, keepAll, parsePolicy, type Policy, type Rule } from "./policy.ts";
import { scheduleFlags } from "./schedule_flags.ts";
import { isRange } from "./semver.ts";

/** The flags of `stowage gc`. */
export const gcFlags = {
  "retention": { type: "text", placeholder: "FILE", help: "the rules of what may be dropped" },
  "refs": {
    type: "text",
    many: true,
    placeholder: "GLOB",
    help: "names that may be dropped, but for what the next flags keep",
  },
  "keep": { type: "text", many: true, placeholder: "GLOB", help: "names to keep always" },
  "keep-last": { type: "count", help: "with --refs: keep the N last set" },
  "max-age": { type: "duration", help: "with --refs: keep what is younger" },
  "keep-semver": {
    type: "text",
    placeholder: "RANGE",
    help: 'with --refs: keep versions such as ">=1.2 <2"',
  },
  "max-size": {
    type: "size",
    help: "then drop names that rules may drop, longest unset first, until all fits",
  },
  "untagged": {
    type: "text",
    placeholder: "keep|drop|DUR",
    help: "entries without a name (keep)",
  },
  "orphan-referrers": {
    type: "text",
    placeholder: "keep|drop|DUR",
    help: "referrers whose subject is not stored (keep)",
  },
  "grace": { type: "duration", help: "unreachable bytes wait so long (1h; buckets 24h)" },
  "trash": { type: "duration", help: "deleted bytes can come back for so long (24h)" },
  "max-drop": {
    type: "text",
    placeholder: "50%",
    help: "stop before the first delete if more references or bytes would go",
  },
  "max-deletes": { type: "count", help: "stop after so many deletes; the next run goes on" },
  "max-time": { type: "duration", help: "stop deleting after that time; the next run goes on" },
  "max-requests": {
    type: "count",
    help: "stop deleting after so many requests; the next run goes on",
  },
  "exclusive": { type: "switch", help: "nobody else writes: no waiting" },
  "explain": { type: "switch", help: "a reason per object" },
  "exit-code": { type: "switch", help: "exit with 10 if there is work to do" },
  ...scheduleFlags,
  "output": { type: "text", short: "o", placeholder: "FILE", help: "plan: write it there, too" },
  ...writeFlags,
  "keep-going": transferFlags["keep-going"],
} as const satisfies FlagTable;

/** What the command may use. */
export type GcContext = CommandContext<typeof gcFlags>;

/** The text of a file that was named on the command line. */
export async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw usageError(`Cannot read ${what} ${JSON.stringify(path)}: ${messageOf(error)}`);
  }
}

/** The policy: that of the file, with the rule of the flags before it. */
export async function policyOf({ flags }: GcContext): Promise<Policy> {
  const file = flags.retention === undefined ? keepAll : await readPolicy(flags.retention);
  const { untagged, "max-size": maxSize, "max-drop": maxDrop, grace } = flags;
  const orphans = flags["orphan-referrers"];
  return {
    ...file,
    rules: [...rulesOf(flags), ...file.rules],
    ...(untagged === undefined ? {} : { untagged: reading(() => fateOf(untagged)) }),
    ...(orphans === undefined ? {} : { orphanReferrers: reading(() => fateOf(orphans)) }),
    ...(maxSize === undefined ? {} : { maxSize }),
    ...(maxDrop === undefined ? {} : { maxDrop: readShare(maxDrop) }),
    ...(grace === undefined ? {} : { grace }),
  };
}

async function readPolicy(path: string): Promise<Policy> {
  const text = await readText(path, "the retention policy");
  return reading(() => parsePolicy(text));
}

function rulesOf({ refs, keep, ...flags }: GcContext["flags"]): Rule[] {
  const { "keep-last": keepLast, "max-age": maxAge, "keep-semver": keepSemver } = flags;
  const keepers = {
    ...(keepLast === undefined ? {} : { keepLast }),
    ...(maxAge === undefined ? {} : { maxAge }),
    ...(keepSemver === undefined ? {} : { keepSemver }),
  };
  if (refs.length === 0 && Object.keys(keepers).length > 0) {
    throw usageError('Cannot keep some names of all: say of which, with "--refs"');
  }
  if (keepSemver !== undefined && !isRange(keepSemver)) {
    const text = JSON.stringify(keepSemver);
    throw usageError(`Cannot read --keep-semver ${text}: write a range such as ">=1.2 <2"`);
  }
  return [
    ...(keep.length === 0 ? [] : [{ refs: keep, keep: "always" as const }]),
    ...(refs.length === 0 ? [] : [{ refs, ...keepers }]),
  ];
}

function readShare(text: string): number {
  const share = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1] ?? NaN);
  if (share <= 100) return share;
  throw usageError(`Cannot read --max-drop ${JSON.stringify(text)}: write a share such as "50%"`);
}

/** What is asked of a collection. */
export function requestOf({ flags }: GcContext, policy: Policy): GcRequest {
  const { trash, exclusive, explain } = flags;
  const budget = {
    deletes: flags["max-deletes"],
    time: flags["max-time"],
    requests: flags["max-requests"],
  };
  return { policy, trash, exclusive, explain, budget };
}
