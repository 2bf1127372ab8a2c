import { isOciError, type Store } from "../../core/mod.ts";
import type { Budget } from "./budget.ts";
import { checkPlace, collect, type CollectOptions } from "./collect.ts";
import { reportOf } from "./make_report.ts";
import { brake, makePlan } from "./plan.ts";
import { followPlan, type PlanFile, planFileOf } from "./plan_file.ts";
import { keepAll, type Policy } from "./policy.ts";
import { rehearse } from "./rehearse.ts";
import type { GcWarning, Report } from "./report.ts";

/** What is asked of a collection. Times are milliseconds. */
export interface GcRequest {
  /** What may be dropped; default: no name, and bytes that nothing reaches once their grace is over. */
  readonly policy?: Partial<Policy> | undefined;
  /** How long deleted bytes can come back, where the place has a trash: a day; at once with `exclusive`. */
  readonly trash?: number | undefined;
  /** The caller's promise that nobody else writes: no grace, no quarantine, no trash unless they are given. */
  readonly exclusive?: boolean | undefined;
  /** What it may spend; it stops there, and the next one goes on. */
  readonly budget?: { readonly [K in keyof Budget]?: number | undefined } | undefined;
  /** A reason per object in the report. */
  readonly explain?: boolean | undefined;
  /** Carries out that plan and nothing beyond. */
  readonly plan?: PlanFile | undefined;
  /** Does everything but write. */
  readonly dryRun?: boolean | undefined;
}

const HOUR = 3_600_000;

/** How a place is collected. Where nothing comes back from a trash, all waits longer. */
export function optionsOf({ backend }: Store, request: GcRequest): CollectOptions {
  const { exclusive = false, budget: { deletes, time, requests } = {} } = request;
  const policy = { ...keepAll, ...request.policy };
  const hasTrash = backend.blobs.trash !== undefined;
  const grace = policy.grace ?? (exclusive ? 0 : hasTrash ? HOUR : 24 * HOUR);
  const options = {
    policy,
    grace,
    quarantine: exclusive ? 0 : policy.quarantine ?? (hasTrash ? 0 : grace),
    trash: request.trash ?? (exclusive ? 0 : 24 * HOUR),
    exclusive,
    explain: request.explain ?? false,
    budget: {
      ...(deletes === undefined ? {} : { deletes }),
      ...(time === undefined ? {} : { time }),
      ...(requests === undefined ? {} : { requests }),
    },
  };
  return request.plan ? followPlan(request.plan, options, policy) : options;
}

/** Collects a store, or does all but the writing; says what came of it. */
export async function collectStore(store: Store, request: GcRequest): Promise<Report> {
  const options = optionsOf(store, request);
  const started = store.clock.now();
  const done = await (request.dryRun ? rehearse : collect)(store, options);
  return reportOf(done.plan, done, {
    options,
    mode: request.dryRun ? "dry-run" : "apply",
    started,
    finished: store.clock.now(),
    explain: request.explain ?? false,
    requests: store.backend.usage?.() ?? {},
    warnings: [],
  });
}

/** What a collection of a store would do: as a report, and as a plan that can be carried out. Nothing is written. */
export async function planStore(
  store: Store,
  request: GcRequest,
): Promise<{ report: Report; plan: PlanFile }> {
  const options = optionsOf(store, request);
  const started = store.clock.now();
  const plan = await makePlan(store, options);
  const report = reportOf(plan, undefined, {
    options,
    mode: "plan",
    started,
    finished: store.clock.now(),
    explain: request.explain ?? false,
    requests: store.backend.usage?.() ?? {},
    warnings: [
      ...await refusal(() => checkPlace(store, options.exclusive)),
      ...await refusal(() => brake(plan, options.policy)),
    ],
  });
  return {
    report,
    // Of a million blobs it is large, and mostly nobody asks for it.
    get plan() {
      return planFileOf(plan, store.backend.url.href, options.grace);
    },
  };
}

/** Why a plan would be refused if it were to be carried out. */
async function refusal(check: () => void | Promise<void>): Promise<readonly GcWarning[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (!isOciError(error)) throw error;
    return [{ code: error.code, message: error.message }];
  }
}
