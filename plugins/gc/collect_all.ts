import { isOciError, isUsage } from "../../core/mod.ts";
import { attempt } from "./attempt.ts";
import { type GcContext, policyOf } from "./flags.ts";
import { type MetricsFile, openMetrics } from "./metrics_file.ts";
import type { Policy } from "./policy.ts";
import { collectPlace, exitOf, IN_PART, tell, worse } from "./run.ts";
import { scheduleOf } from "./schedule.ts";

/** Collects every place, once or by a schedule; to its exit code. */
export async function collectAll(context: GcContext): Promise<number> {
  const { positionals: places, flags, clock } = context;
  places.forEach((text) => context.place(text));
  const schedule = await scheduleOf(flags, clock);
  const policy = await policyOf(context);
  const metrics = flags.metrics === undefined || flags["dry-run"]
    ? undefined
    : await openMetrics(flags.metrics, places, clock);
  if (!schedule) return await once(context, policy, metrics);
  const { stay } = await import("./stay.ts");
  return await stay(context, schedule, policy, metrics);
}

/** Collects every place; with `--keep-going` also those after one that failed. */
async function once(
  context: GcContext,
  policy: Policy,
  metrics: MetricsFile | undefined,
): Promise<number> {
  const { positionals: places, flags, clock, signal } = context;
  let code = 0;
  for (const place of places) {
    const { error, ...run } = await attempt(clock, () => collectPlace(context, place, policy));
    const counts = !signal.aborted && !isUsage(error);
    if (counts) metrics?.note(place, run);
    if (run.report) await tell(context, place, run.report);
    if (counts) await saveMetrics(context, metrics, error !== undefined);
    if (run.report) {
      code = worse(code, exitOf(run.report, flags["exit-code"]));
      continue;
    }
    if (isOciError(error, "refused")) {
      context.hint(`stowage gc plan '${place}', with the same flags, shows what would go`);
    }
    if (isOciError(error, "corrupt")) context.hint(`stowage check '${place}'`);
    if (!flags["keep-going"] || !isOciError(error) || error.code === "aborted") throw error;
    context.notice({ code: error.code, message: `${place}: ${error.message}` });
    code = worse(code, IN_PART);
  }
  return code;
}

/** Writes the metrics; where the run has failed, that is what is told in the end. */
async function saveMetrics(
  context: GcContext,
  metrics: MetricsFile | undefined,
  failed: boolean,
): Promise<void> {
  try {
    await metrics?.write();
  } catch (error) {
    if (!failed || !isOciError(error)) throw error;
    context.notice({ code: error.code, message: error.message });
  }
}
