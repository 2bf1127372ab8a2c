import { isOciError, isUsage } from "../../core/mod.ts";
import { attempt } from "./attempt.ts";
import { type GcContext, policyOf } from "./flags.ts";
import { ending } from "./line.ts";
import type { MetricsFile } from "./metrics_file.ts";
import type { Policy } from "./policy.ts";
import type { Report } from "./report.ts";
import { collectPlace, planPlace } from "./run.ts";
import type { Schedule } from "./schedule.ts";

/** The longest sleep, in milliseconds: the wall clock may be set meanwhile, and the age of the metrics shows health. */
const MINUTE = 60_000;

/** A rule, or the place itself, said no: until somebody has looked, such a place is only planned. */
function saysNo(error: unknown, report: Report | undefined): boolean {
  return (report?.damaged.length ?? 0) > 0 || isOciError(
    error,
    ...[
      "refused",
      "corrupt",
      "invalid_digest",
      "size_exceeded",
      "read_only",
      "unsupported",
    ] as const,
  );
}

/**
 * Collects the places whenever the schedule says so, one run at a time, and writes a line a run. A run that fails is
 * counted and told, and the next comes on time; after one that was refused, or found damage, the place is only planned
 * until SIGHUP, which also reads the rules again. SIGTERM ends it after the step under way.
 */
export async function stay(
  context: GcContext,
  schedule: Schedule,
  policy: Policy,
  metrics: MetricsFile | undefined,
): Promise<number> {
  const { clock, signal, positionals: places } = context;
  const held = new Set<string>();
  let rules = policy;
  let hangups = 0;
  context.stay(() => void hangups++);

  async function reload(): Promise<void> {
    hangups = 0;
    held.clear();
    try {
      rules = await policyOf(context);
    } catch (error) {
      if (!isOciError(error)) throw error;
      context.notice({ code: error.code, message: `${error.message}; the former rules hold` });
    }
  }

  async function save(): Promise<void> {
    try {
      await metrics?.write();
    } catch (error) {
      if (!isOciError(error)) throw error;
      context.notice({ code: error.code, message: error.message });
    }
  }

  async function run(place: string): Promise<void> {
    const planned = held.has(place);
    const done = await attempt(
      clock,
      async () =>
        planned
          ? (await planPlace(context, place, rules)).report
          : await collectPlace(context, place, rules),
    );
    if (isUsage(done.error)) throw done.error;
    if (!signal.aborted) {
      metrics?.note(place, planned ? { ...done, outcome: "failed" } : done);
      if (saysNo(done.error, done.report)) held.add(place);
    }
    await context.result(ending(place, done, { planned, stopped: signal.aborted }));
  }

  let due: number | undefined = schedule.first(clock.now());
  while (due !== undefined && await wait(due)) {
    if (hangups > 0) await reload();
    for (const place of places) {
      if (!signal.aborted) await run(place);
    }
    const end = clock.now();
    const missed = schedule.missed(due, end);
    for (const place of places) metrics?.skip(place, missed);
    await save();
    due = schedule.next(end);
    if (due !== undefined && context.verbose > 0) {
      context.terminal.err(`next run ${new Date(due).toISOString()}`);
    }
  }
  return 0;

  /** Waits until then; false once the program is to end. */
  async function wait(until: number): Promise<boolean> {
    while (!signal.aborted) {
      const left = until - clock.now();
      if (left <= 0) return true;
      await clock.sleep(Math.min(left, MINUTE), signal).catch(() => {});
      if (!signal.aborted && until > clock.now()) await save();
    }
    return false;
  }
}
