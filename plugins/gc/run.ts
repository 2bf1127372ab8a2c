import { writeFile } from "node:fs/promises";
import { fileError } from "../../core/mod.ts";
import { type GcContext, policyOf, requestOf } from "./flags.ts";
import { collectStore, planStore } from "./library.ts";
import type { PlanFile } from "./plan_file.ts";
import type { Policy } from "./policy.ts";
import type { Report } from "./report.ts";
import { linesOf } from "./report_lines.ts";

const DAMAGED = 3;
/** The exit code where something failed, or a budget was spent before all was done. */
export const IN_PART = 7;
const WORK = 10;

/** The exit code that tells more. */
export function worse(one: number, other: number): number {
  const order = [0, WORK, IN_PART, DAMAGED];
  return order.indexOf(one) > order.indexOf(other) ? one : other;
}

/** Collects a place, or does all but the writing. */
export async function collectPlace(
  context: GcContext,
  text: string,
  policy: Policy,
  plan?: PlanFile,
): Promise<Report> {
  const dryRun = context.flags["dry-run"];
  await using layout = await context.open(context.place(text), dryRun ? "read" : "write");
  return await collectStore(layout.store, { ...requestOf(context, policy), plan, dryRun });
}

/** What a collection would do, as a report and as a file. Nothing is written. */
export async function planPlace(
  context: GcContext,
  text: string,
  policy: Policy,
): Promise<{ report: Report; plan: PlanFile }> {
  await using layout = await context.open(context.place(text), "read");
  return await planStore(layout.store, requestOf(context, policy));
}

/** Plans for a place, and writes the plan to a file if one is asked for; to its exit code. */
export async function runPlan(context: GcContext, text: string): Promise<number> {
  const planned = await planPlace(context, text, await policyOf(context));
  const { report } = planned;
  const { output } = context.flags;
  if (output !== undefined) await savePlan(output, planned.plan);
  await tell(context, text, report);
  const work = report.refs.dropped.length + report.blobs.unreachable > 0;
  return context.flags["exit-code"] && work ? WORK : 0;
}

async function savePlan(path: string, plan: PlanFile): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(plan)}\n`);
  } catch (error) {
    throw fileError(error, `Cannot write the plan to ${JSON.stringify(path)}`);
  }
}

/** The exit code of what was done; with `asked`, of work that is left as well. */
export function exitOf(report: Report, asked: boolean): number {
  if (report.damaged.length > 0) return DAMAGED;
  const spent = report.stopped?.startsWith("budget") ?? false;
  if (report.failed.length > 0 || (spent && report.mode === "apply")) return IN_PART;
  const work = report.mode === "dry-run"
    ? report.blobs.deleted + report.refs.dropped.length > 0
    : report.stopped !== undefined;
  return asked && work ? WORK : 0;
}

/** Writes a report. */
export async function tell(context: GcContext, place: string, report: Report): Promise<void> {
  const lines = [...linesOf(report)];
  await context.result({
    schema: "stowage.gc/1",
    ok: report.failed.length + report.damaged.length === 0,
    place,
    data: { ...report },
    lines: context.quiet ? lines.slice(0, report.refs.dropped.length) : lines,
  });
}
