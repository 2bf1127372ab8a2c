import { writeFile } from "node:fs/promises";
import { isOciError, type Layout, messageOf, OciError } from "../../core/mod.ts";
import { checkPlace, collect, type Collected, type CollectOptions } from "./collect.ts";
import { type GcContext, optionsOf, policyOf } from "./flags.ts";
import { brake, makePlan } from "./plan.ts";
import { followPlan, type PlanFile, planFileOf } from "./plan_file.ts";
import { rehearse } from "./rehearse.ts";
import { linesOf, type Mode, type Report, reportOf } from "./report.ts";

/** Exit codes: something is damaged, something failed, there is work to do. */
const [DAMAGED, IN_PART, WORK] = [3, 7, 10];

/** Collects a place, or does all but the writing; to its exit code. */
export async function runCollect(
  context: GcContext,
  text: string,
  file?: PlanFile,
): Promise<number> {
  const dry = context.flags["dry-run"];
  const policy = await policyOf(context);
  await using layout = await context.open(context.place(text), dry ? "read" : "write");
  const { store } = layout;
  const options = optionsOf(context, policy, store);
  const all = file ? followPlan(file, options, policy) : options;
  const started = store.clock.now();
  try {
    const done = dry ? await rehearse(store, all) : await collect(store, all);
    return await tell(context, text, layout, started, dry ? "dry-run" : "apply", done);
  } catch (error) {
    if (isOciError(error, "refused")) context.hint(`stowage gc plan '${text}'`);
    throw error;
  }
}

/** Plans for a place, and writes the plan to a file if one is asked for; to its exit code. */
export async function runPlan(context: GcContext, text: string): Promise<number> {
  const policy = await policyOf(context);
  await using layout = await context.open(context.place(text), "read");
  const { store } = layout;
  const options = optionsOf(context, policy, store);
  const started = store.clock.now();
  const plan = await makePlan(store, options);
  const warnings = await refusals(layout, options, () => brake(plan, policy));
  const { output } = context.flags;
  if (output !== undefined) {
    const file = planFileOf(plan, layout.url.href, options.grace);
    try {
      await writeFile(output, `${JSON.stringify(file)}\n`);
    } catch (cause) {
      throw new OciError(
        "unavailable",
        `Cannot write the plan to ${JSON.stringify(output)}: ${messageOf(cause)}`,
        { cause },
      );
    }
  }
  const report = reportOf(plan, undefined, {
    mode: "plan",
    started,
    finished: store.clock.now(),
    explain: context.flags.explain,
    requests: store.backend.usage?.() ?? {},
    warnings,
  });
  await write(context, text, report);
  const work = plan.drops.length + plan.candidates.length > 0;
  return context.flags["exit-code"] && work ? WORK : 0;
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

async function tell(
  context: GcContext,
  place: string,
  { store }: Layout,
  started: number,
  mode: Mode,
  done: Collected,
): Promise<number> {
  const report = reportOf(done.plan, done, {
    mode,
    started,
    finished: store.clock.now(),
    explain: context.flags.explain,
    requests: store.backend.usage?.() ?? {},
    warnings: [],
  });
  await write(context, place, report);
  if (report.damaged.length > 0) return DAMAGED;
  if (report.failed.length > 0) return IN_PART;
  const work = mode === "dry-run"
    ? report.blobs.deleted + report.refs.dropped.length > 0
    : report.stopped !== undefined;
  return context.flags["exit-code"] && work ? WORK : 0;
}

async function write(context: GcContext, place: string, report: Report): Promise<void> {
  const lines = [...linesOf(report)];
  await context.result({
    schema: "stowage.gc/1",
    ok: report.failed.length + report.damaged.length === 0,
    place,
    data: { ...report },
    lines: context.quiet ? lines.slice(0, report.refs.dropped.length) : lines,
  });
}
