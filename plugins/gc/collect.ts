import {
  assertWritable,
  type CollectionState,
  type Digest,
  type ErrorCode,
  generationOf,
  loadFacts,
  OciError,
  randomHex,
  type Store,
  timeOf,
} from "../../core/mod.ts";
import { type BlobList, createBlobList, only } from "./blob_list.ts";
import { type Budget, type Meter, startMeter } from "./budget.ts";
import { condemn, isOurs } from "./condemn.ts";
import { close, expireIngests, finish } from "./finish.ts";
import type { Mark } from "./mark.ts";
import { brake, makePlan, type Plan, type PlanOptions } from "./plan.ts";
import { loadState, removeLists } from "./state.ts";
import type { Phases } from "./report.ts";
import { awaitDeadlines, batchOf, sweep } from "./sweep.ts";
import { bringBack, emptyTrash, lyingIn, type TrashSum } from "./trash.ts";

/** How a place is collected. */
export interface CollectOptions extends PlanOptions {
  /** Milliseconds between fence and sweep. */
  readonly quarantine: number;
  /** Milliseconds that deleted bytes stay in the trash, where there is one. */
  readonly trash: number;
  /** Nobody else writes: the caller's promise, for a place that cannot be collected beside others. */
  readonly exclusive: boolean;
  /** Whether somebody asks afterwards which blobs were to go. */
  readonly explain?: boolean;
  readonly budget: Budget;
  /** Narrows a plan before it is carried out, or refuses it. */
  readonly narrow?: (plan: Plan) => Plan;
}

/** A blob that could not be deleted. */
export interface Failed {
  /** Its name. */
  readonly digest: Digest;
  /** Why, as a word; `unavailable` where no answer came. */
  readonly code: ErrorCode;
  /** Why, for people. */
  readonly message: string;
}

/** What a sweep came to, whichever run condemned. */
export interface Outcome {
  readonly removed: BlobList;
  /** Condemned, but another copy stood there when it was to go. */
  readonly replaced: number;
  /** Condemned, but a writer said in time that it counts on it. */
  readonly rescued: number;
  readonly failed: readonly Failed[];
  /** Reachable and gone: only a program that does not know the protocol can bring this about. */
  readonly damaged: readonly Digest[];
  /** Back from the trash, as it is reachable. */
  readonly restored: readonly Digest[];
  /** Why it ended early; another run goes on. */
  readonly stopped?: string;
}

/** What a collection did. */
export interface Collected extends Outcome {
  readonly plan: Plan;
  readonly run?: string;
  readonly epoch: number;
  readonly ingestsExpired: number;
  readonly trash: TrashSum;
  /** Blobs that an earlier run had condemned and this one removed. */
  readonly resumed: number;
  /** Commits of the index before and after. */
  readonly generation: readonly [number, number];
  /** Seconds that each part took. */
  readonly phases: Phases;
}

const NOTHING: Outcome = {
  removed: createBlobList(),
  replaced: 0,
  rescued: 0,
  failed: [],
  damaged: [],
  restored: [],
};

/** Milliseconds after which a write that nobody went on with is given up. */
export const STALE_INGEST = 86_400_000;

/**
 * Collects a layout: plan, condemn, fence, sweep, finish; goes on first with what an earlier run left. A run that stops
 * at its budget, or is told to end while it sweeps, says so and is gone on with by the next.
 */
export async function collect(store: Store, options: CollectOptions): Promise<Collected> {
  const meter = startMeter(store, options.budget);
  const lap = stopwatch(store);
  assertWritable(store, "collect");
  await checkPlace(store, options.exclusive);
  await using lease = await store.lock.acquire("gc", store.signal ? { signal: store.signal } : {});
  const from = generationOf(await store.root.load());
  const resumed = await resume(store, options, meter);
  const phases = { resume: lap(), plan: 0, sweep: 0, tidy: 0 };
  const goesOn = resumed.stopped === undefined;
  const plan = goesOn ? await planFor(store, options) : await idlePlan(store, options);
  phases.plan = lap();
  lease.assertHeld();
  const { state, ...swept } = goesOn
    ? await carryOut(store, plan, options, meter)
    : { ...NOTHING, state: undefined };
  phases.sweep = lap();
  const tidy = !store.signal?.aborted;
  // What a sweep that came to its end has put there has just been looked back for.
  const fresh = state && swept.stopped === undefined ? batchOf(state) : undefined;
  const { back, ...trash } = tidy
    ? await emptyTrash(store, options.trash, plan.mark, fresh)
    : { bytes: 0, back: [] };
  const ingestsExpired = tidy ? await expireIngests(store, STALE_INGEST) : 0;
  phases.tidy = lap();
  const outcome = joined(resumed, swept);
  return {
    ...outcome,
    restored: [...outcome.restored, ...back],
    plan,
    epoch: state?.epoch ?? plan.epoch,
    ...(state ? { run: state.run } : {}),
    ingestsExpired,
    trash,
    resumed: resumed.removed.length,
    generation: [from, generationOf(await store.root.load())],
    phases,
  };
}

/** Seconds since the last time it was asked. */
function stopwatch({ clock }: Store): () => number {
  let then = clock.elapsed();
  return () => {
    const before = then;
    then = clock.elapsed();
    return (then - before) / 1000;
  };
}

/** What there is to say of a place while an earlier run is not over: no name goes yet, so nothing brakes. */
export async function idlePlan(store: Store, options: CollectOptions): Promise<Plan> {
  return { ...await makePlan(store, options), drops: [] };
}

/** The plan that a collection carries out; throws `refused` if too much would go. */
export async function planFor(store: Store, options: CollectOptions): Promise<Plan> {
  const full = await makePlan(store, options);
  const plan = options.narrow?.(full) ?? full;
  brake(plan, options.policy);
  return plan;
}

function joined(one: Outcome, other: Outcome): Outcome {
  const stopped = one.stopped ?? other.stopped;
  return {
    removed: one.removed.length === 0
      ? other.removed
      : createBlobList(chained(one.removed, other.removed)),
    replaced: one.replaced + other.replaced,
    rescued: one.rescued + other.rescued,
    failed: [...one.failed, ...other.failed],
    damaged: [...one.damaged, ...other.damaged],
    restored: [...one.restored, ...other.restored],
    ...(stopped === undefined ? {} : { stopped }),
  };
}

function* chained<T>(...parts: readonly Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part;
}

/** Throws `unsupported` or `refused` where a collection cannot be safe. */
export async function checkPlace(store: Store, exclusive: boolean): Promise<void> {
  const { blobs, docs, url } = store.backend;
  if (!blobs.renew && blobs.deleteBound === undefined && !exclusive) {
    throw new OciError(
      "unsupported",
      `Cannot collect ${url.href} beside writers: the store neither deletes exactly nor by a deadline; if nobody else writes, use --exclusive`,
      { url: url.href },
    );
  }
  if ((await loadFacts(docs)).repaired === undefined) return;
  throw new OciError(
    "refused",
    `Cannot collect ${url.href}: its index was lost and made anew, so all would be garbage; look, then run "stowage check --accept-index"`,
    { url: url.href },
  );
}

/** Why a run that was fenced cannot be gone on with yet, if there is one; nothing if none is under way. */
export async function pending(
  store: Store,
  exclusive: boolean,
): Promise<{ state: CollectionState; waiting?: string } | undefined> {
  const state = await loadState(store);
  if (!state || state.phase === "done" || !await isOurs(store, state)) return undefined;
  return await timeOf(store) < state.notBefore && !exclusive
    ? { state, waiting: untilText(state) }
    : { state };
}

function untilText({ notBefore }: CollectionState): string {
  return `in quarantine until ${new Date(notBefore).toISOString()}`;
}

/** Goes on with an epoch that was fenced and not finished; one whose fence never landed is of no account. */
async function resume(
  store: Store,
  { exclusive }: CollectOptions,
  meter: Meter,
): Promise<Outcome> {
  const state = await loadState(store);
  if (!state) return NOTHING;
  for (const kind of ["n", "l"] as const) await awaitDeadlines(store, state, kind);
  if (state.phase === "done") {
    // A run that was over, and ended before it had cleaned up.
    await close(store, state);
    await removeLists(store, state);
  }
  const left = await pending(store, exclusive);
  if (!left) return NOTHING;
  if (left.waiting !== undefined) return { ...NOTHING, stopped: left.waiting };
  meter.grant();
  return await sweepAndFinish(store, left.state, meter);
}

async function sweepAndFinish(
  store: Store,
  state: CollectionState,
  meter: Meter,
  mark?: Mark,
): Promise<Outcome> {
  const { removed, replaced, stopped, ...swept } = await sweep(store, state, meter);
  const failed = swept.failed.map(({ digest, error }) => ({
    digest,
    code: error?.code ?? "unavailable",
    message: error?.message ?? "no answer came",
  }));
  const rescued = (await loadState(store))?.rescued.length ?? 0;
  const sofar = { ...NOTHING, removed, failed, replaced, rescued };
  if (stopped !== undefined) return { ...sofar, stopped };
  await finish(store, state, removed);
  if (removed.length === 0) return sofar;
  const batch = batchOf(state);
  const { back, missed } = await bringBack(store, lyingIn(batch, removed), mark);
  const returned = new Set(back);
  return {
    ...sofar,
    removed: returned.size === 0
      ? removed
      : createBlobList(only(removed, ({ digest }) => !returned.has(digest))),
    restored: back,
    damaged: missed,
  };
}

async function carryOut(
  store: Store,
  plan: Plan,
  { quarantine, explain }: CollectOptions,
  meter: Meter,
): Promise<Outcome & { readonly state?: CollectionState }> {
  if (plan.drops.length === 0 && plan.candidates.length === 0) return NOTHING;
  const state = await condemn(store, plan, randomHex(store.clock, 16), quarantine);
  // They are written down.
  if (!explain) plan.candidates.forget();
  if (quarantine > 0) return { ...NOTHING, state, stopped: untilText(state) };
  return { ...await sweepAndFinish(store, state, meter, plan.mark), state };
}
