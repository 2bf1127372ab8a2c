import { bytes, type Digest, nameOf, plural } from "../../core/mod.ts";
import type { Collected } from "./collect.ts";
import { type Candidate, type Plan, sumOf } from "./plan.ts";

/** An entry that goes. */
export interface Dropped {
  readonly name: string | null;
  readonly digest: Digest;
  readonly rule: string;
  readonly reason: string;
}

/** An object and what becomes of it. */
export interface ReportedObject {
  readonly digest: Digest;
  readonly size: number;
  readonly action: "delete" | "wait";
  readonly reason: string;
}

/** Counts, or bytes, by what became of them. */
export interface Totals {
  readonly live: number;
  readonly unreachable: number;
  readonly waiting: number;
  readonly deleted: number;
}

/** What was run: a plan alone, all of it, or all of it without a write. */
export type Mode = "plan" | "apply" | "dry-run";

/** What a collection found and did: the same document for plan, apply and dry run. */
export interface Report {
  readonly mode: Mode;
  readonly started: string;
  readonly finished: string;
  readonly epoch: number;
  readonly run?: string;
  readonly refs: { readonly kept: number; readonly dropped: readonly Dropped[] };
  readonly blobs: Totals;
  readonly bytes: Totals;
  readonly spared: number;
  readonly resumed: number;
  readonly failed: readonly { digest: Digest; message: string }[];
  readonly damaged: readonly Digest[];
  readonly restored: readonly Digest[];
  readonly missing: readonly Digest[];
  readonly orphanReferrers: readonly Digest[];
  readonly foreign: number;
  readonly trash: { readonly bytes: number };
  readonly ingestsExpired: number;
  readonly requests: Readonly<Record<string, number>>;
  readonly objects?: readonly ReportedObject[];
  readonly warnings: readonly { code: string; message: string }[];
  readonly stopped?: string;
}

/** What a report needs besides what was planned and done. */
export interface ReportContext {
  readonly mode: Mode;
  readonly started: number;
  readonly finished: number;
  /** A reason per object. */
  readonly explain: boolean;
  readonly requests: Readonly<Record<string, number>>;
  readonly warnings: Report["warnings"];
}

/** The most objects a report names; the plan file names all. */
const MOST = 10_000;

/** The report of a plan, and of what was done about it. */
export function reportOf(plan: Plan, done: Collected | undefined, context: ReportContext): Report {
  const [planned, waiting] = [sumOf(plan.candidates), sumOf(plan.waiting)];
  const removed = done?.removed ?? [];
  const deletedBytes = removed.reduce((sum, { size }) => sum + size, 0);
  return {
    mode: context.mode,
    started: new Date(context.started).toISOString(),
    finished: new Date(context.finished).toISOString(),
    epoch: done?.epoch ?? plan.epoch,
    ...(done?.run === undefined ? {} : { run: done.run }),
    refs: { kept: plan.index.manifests.length - plan.drops.length, dropped: droppedOf(plan) },
    blobs: {
      live: plan.live.count,
      unreachable: planned.count,
      waiting: waiting.count,
      deleted: removed.length,
    },
    bytes: {
      live: plan.live.bytes,
      unreachable: planned.bytes,
      waiting: waiting.bytes,
      deleted: deletedBytes,
    },
    spared: done?.spared ?? 0,
    resumed: done?.resumed ?? 0,
    failed: done?.failed ?? [],
    damaged: done?.damaged ?? [],
    restored: done?.restored ?? [],
    missing: plan.missing.slice(0, MOST),
    orphanReferrers: plan.orphans.slice(0, MOST),
    foreign: plan.foreign,
    trash: { bytes: done?.trashBytes ?? 0 },
    ingestsExpired: done?.ingestsExpired ?? 0,
    requests: context.requests,
    ...(context.explain ? { objects: objectsOf(plan) } : {}),
    warnings: context.warnings,
    ...(done?.stopped === undefined ? {} : { stopped: done.stopped }),
  };
}

/** The entries that go, with the rule that says so; a weak one goes with its subject. */
function droppedOf(plan: Plan): Dropped[] {
  const verdicts = new Map(plan.verdicts.map((verdict) => [verdict.entry, verdict]));
  return plan.drops.map((entry) => {
    const verdict = verdicts.get(entry);
    return {
      name: nameOf(entry) ?? null,
      digest: entry.digest,
      rule: verdict?.rule ?? "referrer",
      reason: verdict?.reason ?? "its subject goes",
    };
  });
}

function objectsOf({ candidates, waiting }: Plan): ReportedObject[] {
  const told = (action: "delete" | "wait") =>
  (
    { blob: { digest, size }, node }: Candidate,
  ): ReportedObject => ({
    digest,
    size,
    action,
    reason: `${node ? "a manifest that nothing reaches" : "nothing reaches it"}${
      action === "wait" ? ", but it is young" : ""
    }`,
  });
  return [...candidates.map(told("delete")), ...waiting.map(told("wait"))].slice(0, MOST);
}

/** The report for people. */
export function* linesOf(report: Report): Generator<string> {
  const done = report.mode !== "plan";
  for (const { name, digest, reason } of report.refs.dropped) {
    yield `drop  ${name ?? digest}  ${reason}`;
  }
  for (const { digest, size, reason } of report.objects ?? []) {
    yield `${done ? "deleted" : "delete"}  ${digest}  ${bytes(size)}  ${reason}`;
  }
  const sum = (name: keyof Totals) =>
    `${plural(report.blobs[name], "blob")}, ${bytes(report.bytes[name])}`;
  yield `references   ${report.refs.kept} kept, ${report.refs.dropped.length} ${
    done ? "dropped" : "to drop"
  }`;
  yield `live         ${sum("live")}`;
  if (done) yield `deleted      ${sum("deleted")}`;
  else yield `unreachable  ${sum("unreachable")}`;
  yield `waiting      ${sum("waiting")}`;
  if (report.spared > 0) yield `spared       ${plural(report.spared, "blob")}, in use again`;
  if (report.trash.bytes > 0) {
    yield `trash        ${bytes(report.trash.bytes)}, to be had back by undo`;
  }
  for (const digest of report.damaged) yield `DAMAGED      ${digest}  reachable, and gone`;
  for (const { digest, message } of report.failed) yield `failed       ${digest}  ${message}`;
  if (report.stopped !== undefined) yield `stopped      ${report.stopped}`;
}
