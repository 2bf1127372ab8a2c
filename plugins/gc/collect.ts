import {
  type BlobInfo,
  collectionOf,
  type CollectionState,
  type Digest,
  isOver,
  loadFacts,
  OciError,
  randomHex,
  shardsOf,
  type Store,
  timeOf,
} from "../../core/mod.ts";
import { condemn } from "./condemn.ts";
import { emptyTrash, expireIngests, finish, lookBack } from "./finish.ts";
import { brake, makePlan, type Plan } from "./plan.ts";
import type { Policy } from "./policy.ts";
import { loadState } from "./state.ts";
import { awaitDeadlines, batchOf, type Budget, sweep } from "./sweep.ts";

/** How a place is collected. */
export interface CollectOptions {
  readonly policy: Policy;
  /** Milliseconds that unreachable bytes wait after they were stored. */
  readonly grace: number;
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

/** What a collection did. */
export interface Collected {
  readonly plan: Plan;
  readonly run?: string;
  readonly epoch: number;
  readonly removed: readonly BlobInfo[];
  /** Condemned, but adopted or replaced meanwhile. */
  readonly spared: number;
  readonly failed: readonly { digest: Digest; message: string }[];
  /** Reachable and gone: only a program that does not know the protocol can bring this about. */
  readonly damaged: readonly Digest[];
  readonly restored: readonly Digest[];
  readonly ingestsExpired: number;
  readonly trashBytes: number;
  /** Blobs that an earlier run had condemned and this one removed. */
  readonly resumed: number;
  /** Why it ended early; another run goes on. */
  readonly stopped?: string;
}

const STALE_INGEST = 86_400_000;

/** Collects a layout: plan, condemn, fence, sweep, finish; goes on first with what an earlier run left. */
export async function collect(store: Store, options: CollectOptions): Promise<Collected> {
  await checkPlace(store, options.exclusive);
  await using lease = await store.lock.acquire("gc", store.signal ? { signal: store.signal } : {});
  const resumed = await resume(store, options);
  const full = await makePlan(store, options.policy, options.grace);
  const plan = options.narrow?.(full) ?? full;
  brake(plan, options.policy);
  lease.assertHeld();
  const swept = resumed.waiting || resumed.stopped
    ? undefined
    : await carryOut(store, plan, options);
  const removed = [...resumed.removed, ...swept?.removed ?? []];
  const trash = await emptyTrash(store, options.trash);
  const stopped = resumed.stopped ?? resumed.waiting ?? swept?.stopped;
  return {
    plan,
    epoch: swept?.state?.epoch ?? plan.epoch,
    ...(swept?.state ? { run: swept.state.run } : {}),
    removed,
    spared: swept?.spared ?? 0,
    failed: [...resumed.failed, ...swept?.failed ?? []],
    damaged: swept?.damaged ?? [],
    restored: swept?.restored ?? [],
    ingestsExpired: await expireIngests(store, STALE_INGEST),
    trashBytes: trash.bytes,
    resumed: resumed.removed.length,
    ...(stopped === undefined ? {} : { stopped }),
  };
}

async function checkPlace(store: Store, exclusive: boolean): Promise<void> {
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

interface Resumed {
  readonly removed: readonly BlobInfo[];
  readonly failed: Collected["failed"];
  readonly waiting?: string;
  readonly stopped?: string;
}

/** Goes on with an epoch that was fenced and not finished; one whose fence never landed is of no account. */
async function resume(store: Store, options: CollectOptions): Promise<Resumed> {
  const nothing = { removed: [], failed: [] };
  const state = await loadState(store);
  if (!state || state.phase === "done") return nothing;
  for (const kind of ["n", "l"] as const) await awaitDeadlines(store, state, kind);
  const now = collectionOf(await store.root.load());
  if (now.epoch !== state.epoch || now.run !== state.run || now.state !== "open") return nothing;
  if (await timeOf(store) < state.notBefore && !options.exclusive) {
    return {
      ...nothing,
      waiting: `in quarantine until ${new Date(state.notBefore).toISOString()}`,
    };
  }
  return await sweepAndFinish(store, state, options.budget);
}

async function sweepAndFinish(store: Store, state: CollectionState, budget: Budget) {
  const { removed, answers, stopped } = await sweep(store, state, budget);
  const failed = answers.flatMap(({ digest, outcome, error }) =>
    outcome === "failed" || outcome === "unknown"
      ? [{ digest, message: error?.message ?? "no answer came" }]
      : []
  );
  const spared = answers.filter(({ outcome }) => outcome === "replaced").length;
  if (stopped !== undefined) return { removed, failed, spared, stopped };
  await finish(store, state, removed);
  const { restored, damaged } = await lookBack(store, removed, batchOf(state));
  const back = new Set(restored);
  return {
    removed: removed.filter(({ digest }) => !back.has(digest)),
    failed,
    spared,
    restored,
    damaged,
  };
}

async function carryOut(store: Store, plan: Plan, { quarantine, budget }: CollectOptions) {
  if (plan.drops.length === 0 && plan.candidates.length === 0) return undefined;
  const state = await condemn(store, plan, randomHex(store.clock, 16), quarantine);
  if (quarantine > 0) {
    const until = new Date(state.notBefore).toISOString();
    return { state, removed: [], failed: [], spared: 0, stopped: `in quarantine until ${until}` };
  }
  return { state, ...await sweepAndFinish(store, state, budget) };
}

/** Whether anything of a state can still be deleted. */
export async function isSweepable(store: Store, state: CollectionState): Promise<boolean> {
  const now = await timeOf(store);
  return state.phase === "condemned" && shardsOf(state).some((shard) => !isOver(state, shard, now));
}
