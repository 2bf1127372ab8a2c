import { writeFile } from "node:fs/promises";
import { fileError, isOciError, type Layout } from "../../core/mod.ts";
import { checkPlace, collect, type CollectOptions } from "./collect.ts";
import { type GcContext, optionsOf, policyOf } from "./flags.ts";
import { brake, makePlan } from "./plan.ts";
import { followPlan, type PlanFile, planFileOf } from "./plan_file.ts";
import type { Policy } from "./policy.ts";
import { rehearse } from "./rehearse.ts";
import { linesOf, type Report, reportOf } from "./report.ts";

const DAMAGED = 3;
/** The exit code where something failed, or is left to do. */
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
  file?: PlanFile,
): Promise<Report> {
  const dry = context.flags["dry-run"];
  await using layout = await context.open(context.place(text), dry ? "read" : "write");
  const { store } = layout;
  const options = optionsOf(context, policy, store);
  const all = file ? followPlan(file, options, policy) : options;
  const started = store.clock.now();
  const done = dry ? await rehearse(store, all) : await collect(store, all);
  return reportOf(done.plan, done, {
    mode: dry ? "dry-run" : "apply",
    started,
    finished: store.clock.now(),
    explain: context.flags.explain,
    requests: store.backend.usage?.() ?? {},
    warnings: [],
  });
}

/** Plans for a place, and writes the plan to a file if one is asked for; to its exit code. */
export async function runPlan(context: GcContext, text: string): Promise<number> {
  const { report, file } = await planPlace(context, text, await policyOf(context));
  const { output } = context.flags;
  if (output !== undefined) await savePlan(output, file);
  await tell(context, text, report);
  const work = report.refs.dropped.length + report.blobs.unreachable > 0;
  return context.flags["exit-code"] && work ? WORK : 0;
}

/** What a collection would do, as a report and as a file. Nothing is written. */
export async function planPlace(
  context: GcContext,
  text: string,
  policy: Policy,
): Promise<{ report: Report; file: PlanFile }> {
  await using layout = await context.open(context.place(text), "read");
  const { store } = layout;
  const options = optionsOf(context, policy, store);
  const started = store.clock.now();
  const plan = await makePlan(store, options);
  const warnings = await refusals(layout, options, () => brake(plan, policy));
  const report = reportOf(plan, undefined, {
    mode: "plan",
    started,
    finished: store.clock.now(),
    explain: context.flags.explain,
    requests: store.backend.usage?.() ?? {},
    warnings,
  });
  return { report, file: planFileOf(plan, layout.url.href, options.grace) };
}

async function savePlan(path: string, file: PlanFile): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(file)}\n`);
  } catch (error) {
    throw fileError(error, `Cannot write the plan to ${JSON.stringify(path)}`);
  }
}

/** Why a plan would be refused if it were to be carried out. */
async function refusals(
  { store }: Layout,
  { exclusive }: CollectOptions,
  brake: () => void,
): Promise<Report["warnings"]> {
  const warnings: { code: string; message: string }[] = [];
  for (const check of [() => checkPlace(store, exclusive), brake]) {
    try {
      await check();
    } catch (error) {
      if (!isOciError(error)) throw error;
      warnings.push({ code: error.code, message: error.message });
    }
  }
  return warnings;
}

/** The exit code of what was done; with `asked`, of work that is left as well. */
export function exitOf(report: Report, asked: boolean): number {
  if (report.damaged.length > 0) return DAMAGED;
  if (report.failed.length > 0) return IN_PART;
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
