import {
  type BlobInfo,
  type CollectionState,
  type Digest,
  loadFacts,
  OciError,
  randomHex,
  type Store,
  timeOf,
} from "../../core/mod.ts";
import { condemn, isOurs } from "./condemn.ts";
import { close, emptyTrash, expireIngests, finish, lookBack } from "./finish.ts";
import { brake, makePlan, type Plan, type PlanOptions } from "./plan.ts";
import { loadState, removeLists } from "./state.ts";
import { awaitDeadlines, batchOf, type Budget, sweep } from "./sweep.ts";

/** How a place is collected. */
export interface CollectOptions extends PlanOptions {
  /** Milliseconds between fence and sweep. */
  readonly quarantine: number;
  /** Milliseconds that deleted bytes stay in the trash, where there is one. */
  readonly trash: number;
  /** Nobody else writes: the caller's promise, for a place that cannot be collected beside others. */
  readonly exclusive: boolean;
  readonly budget: Budget;
  /** Narrows a plan before it is carried out, or refuses it. */
  readonly narrow?: (plan: Plan) => Plan;
}

/** What a sweep came to, whichever run condemned. */
export interface Outcome {
  readonly removed: readonly BlobInfo[];
  /** Condemned, but adopted or replaced meanwhile. */
  readonly spared: number;
  readonly failed: readonly { digest: Digest; message: string }[];
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
  readonly trashBytes: number;
  /** Blobs that an earlier run had condemned and this one removed. */
  readonly resumed: number;
}

const NOTHING: Outcome = { removed: [], spared: 0, failed: [], damaged: [], restored: [] };

/** Milliseconds after which a write that nobody went on with is given up. */
export const STALE_INGEST = 86_400_000;

/** Collects a layout: plan, condemn, fence, sweep, finish; goes on first with what an earlier run left. */
export async function collect(store: Store, options: CollectOptions): Promise<Collected> {
  await checkPlace(store, options.exclusive);
  await using lease = await store.lock.acquire("gc", store.signal ? { signal: store.signal } : {});
  const resumed = await resume(store, options);
  const plan = await planFor(store, options);
  lease.assertHeld();
  const { state, ...swept } = resumed.stopped === undefined
    ? await carryOut(store, plan, options)
    : { ...NOTHING, state: undefined };
  const trash = await emptyTrash(store, options.trash);
  return {
    ...joined(resumed, swept),
    plan,
    epoch: state?.epoch ?? plan.epoch,
    ...(state ? { run: state.run } : {}),
    ingestsExpired: await expireIngests(store, STALE_INGEST),
    trashBytes: trash.bytes,
    resumed: resumed.removed.length,
  };
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
    removed: [...one.removed, ...other.removed],
    spared: one.spared + other.spared,
    failed: [...one.failed, ...other.failed],
    damaged: [...one.damaged, ...other.damaged],
    restored: [...one.restored, ...other.restored],
    ...(stopped === undefined ? {} : { stopped }),
  };
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
async function resume(store: Store, { exclusive, budget }: CollectOptions): Promise<Outcome> {
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
  return await sweepAndFinish(store, left.state, budget);
}

async function sweepAndFinish(
  store: Store,
  state: CollectionState,
  budget: Budget,
): Promise<Outcome> {
  const { removed, answers, stopped } = await sweep(store, state, budget);
  const failed = answers.flatMap(({ digest, outcome, error }) =>
    outcome === "failed" || outcome === "unknown"
      ? [{ digest, message: error?.message ?? "no answer came" }]
      : []
  );
  const spared = answers.filter(({ outcome }) => outcome === "replaced").length;
  const sofar = { ...NOTHING, removed, failed, spared };
  if (stopped !== undefined) return { ...sofar, stopped };
  await finish(store, state, removed);
  const { restored, damaged } = await lookBack(store, removed, batchOf(state));
  const back = new Set(restored);
  return {
    ...sofar,
    removed: removed.filter(({ digest }) => !back.has(digest)),
    restored,
    damaged,
  };
}

async function carryOut(
  store: Store,
  plan: Plan,
  { quarantine, budget }: CollectOptions,
): Promise<Outcome & { readonly state?: CollectionState }> {
  if (plan.drops.length === 0 && plan.candidates.length === 0) return NOTHING;
  const state = await condemn(store, plan, randomHex(store.clock, 16), quarantine);
  if (quarantine > 0) return { ...NOTHING, state, stopped: untilText(state) };
  return { ...await sweepAndFinish(store, state, budget), state };
}
