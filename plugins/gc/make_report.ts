import { type Digest, generationOf, nameOf } from "../../core/mod.ts";
import { createBlobList } from "./blob_list.ts";
import type { Candidate } from "./candidates.ts";
import type { Collected, CollectOptions } from "./collect.ts";
import type { Plan } from "./plan.ts";
import type { Dropped, Mode, Report, ReportedObject } from "./report.ts";

/** What a report needs besides what was planned and done. */
export interface ReportContext {
  readonly options: Pick<CollectOptions, "policy" | "grace" | "quarantine">;
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
  const { candidates, waiting } = plan;
  const removed = done?.removed ?? createBlobList();
  const generation = generationOf(plan.index);
  const { options: { policy, grace, quarantine }, mode, explain, requests, warnings } = context;
  const next = nextOf(plan, grace);
  return {
    mode,
    started: iso(context.started),
    finished: iso(context.finished),
    t0: iso(plan.t0),
    epoch: done?.epoch ?? plan.epoch,
    ...(done?.run === undefined ? {} : { run: done.run }),
    generation: done?.generation ?? [generation, generation],
    policy: { ...policy, grace, quarantine },
    refs: { kept: plan.index.manifests.length - plan.drops.length, dropped: droppedOf(plan) },
    blobs: {
      live: plan.live.count,
      unreachable: candidates.length,
      waiting: waiting.length,
      deleted: removed.length,
    },
    bytes: {
      live: plan.live.bytes,
      unreachable: candidates.bytes,
      waiting: waiting.bytes,
      deleted: removed.bytes,
    },
    spared: {
      young: waiting.length,
      rescued: done?.rescued ?? 0,
      replaced: done?.replaced ?? 0,
      unknownAlgorithm: plan.foreign,
    },
    resumed: done?.resumed ?? 0,
    failed: done?.failed ?? [],
    damaged: done?.damaged ?? [],
    restored: done?.restored ?? [],
    missing: plan.missing.slice(0, MOST),
    orphanReferrers: keptOf(plan.orphans).slice(0, MOST),
    trash: trashOf(done),
    ingestsExpired: done?.ingestsExpired ?? 0,
    requests,
    ...(done ? { phases: done.phases } : {}),
    ...(explain ? { objects: objectsOf(plan, done) } : {}),
    warnings,
    ...(done?.stopped === undefined ? {} : { stopped: done.stopped }),
    ...(next === undefined ? {} : { next: iso(next) }),
  };
}

function keptOf(orphans: Plan["orphans"]): Digest[] {
  return [...orphans].flatMap(([digest, { keep }]) => keep ? [digest] : []);
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function trashOf(done: Collected | undefined): Report["trash"] {
  const { bytes = 0, until } = done?.trash ?? {};
  return { bytes, ...(until === undefined ? {} : { until: iso(until) }) };
}

/** When the first of what waits will be old enough, or the first name will. */
function nextOf({ waiting, verdicts }: Plan, grace: number): number | undefined {
  let first = Infinity;
  for (const { blob: { modified } } of waiting) {
    if (modified) first = Math.min(first, modified.getTime() + grace);
  }
  for (const { keep, until = Infinity } of verdicts) if (keep) first = Math.min(first, until);
  return first === Infinity ? undefined : first;
}

/** The entries that go, with the rule that says so; a referrer goes with its subject. */
function droppedOf(plan: Plan): Dropped[] {
  const verdicts = new Map(plan.verdicts.map((verdict) => [verdict.entry, verdict]));
  return plan.drops.map((entry) => {
    const orphan = plan.orphans.get(entry.digest);
    const { rule, reason } = verdicts.get(entry) ?? {
      rule: orphan ? "orphanReferrers" : "referrer",
      reason: orphan?.reason ?? "its subject goes",
    };
    return { name: nameOf(entry) ?? null, digest: entry.digest, rule, reason };
  });
}

/** A reason per object: what went, what is left all the same, and what waits. */
function objectsOf({ candidates, waiting }: Plan, done: Collected | undefined): ReportedObject[] {
  const removed = new Map<Digest, number>();
  for (const { digest, size } of done?.removed ?? []) removed.set(digest, size);
  const told = (
    { blob: { digest, size }, node }: Candidate,
    action: ReportedObject["action"],
    more = "",
  ) => {
    removed.delete(digest);
    const reason = node ? "a manifest that nothing reaches" : "nothing reaches it";
    return { digest, size, action, reason: reason + more };
  };
  const goes = (candidate: Candidate) =>
    !done || removed.has(candidate.blob.digest)
      ? told(candidate, "delete")
      : told(candidate, "left", ", but it was left");
  const objects = [
    ...Array.from(candidates, goes),
    ...Array.from(waiting, (candidate) => told(candidate, "wait", ", but it is young")),
  ];
  const earlier = Array.from(removed, ([digest, size]): ReportedObject => {
    return { digest, size, action: "delete", reason: "an earlier run had condemned it" };
  });
  return [...earlier, ...objects].slice(0, MOST);
}
