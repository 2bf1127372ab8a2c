import {
  condemnedDigests,
  type Digest,
  generationOf,
  shardsOf,
  type Store,
  timeOf,
} from "../../core/mod.ts";
import { createBlobList, only } from "./blob_list.ts";
import { type Candidate, createCandidates } from "./candidates.ts";
import {
  checkPlace,
  type Collected,
  type CollectOptions,
  idlePlan,
  pending,
  planFor,
  STALE_INGEST,
} from "./collect.ts";

/** What `collect` would do just now, without a write. It fails where that would fail. */
export async function rehearse(store: Store, options: CollectOptions): Promise<Collected> {
  await checkPlace(store, options.exclusive);
  const left = await pending(store, options.exclusive);
  const condemned = new Set<Digest>();
  if (left && left.waiting === undefined) {
    const { state } = left;
    for (const shard of shardsOf(state).filter(({ kind, at }) => state.shards[kind][at] === "C")) {
      const digests = await condemnedDigests(store.backend.docs, state, shard);
      for (const digest of digests) condemned.add(digest);
    }
    for (const digest of state.rescued) condemned.delete(digest);
  }
  const plan = await (left?.waiting === undefined ? planFor : idlePlan)(store, options);
  const isResumed = ({ blob }: Candidate) => condemned.has(blob.digest);
  const resumed = createCandidates(only(plan.candidates, isResumed));
  for (const candidate of only(plan.waiting, isResumed)) resumed.add(candidate);
  const hasWork = plan.drops.length + plan.candidates.length > resumed.length;
  const waiting = left?.waiting ??
    (options.quarantine > 0 && hasWork ? "in quarantine from then on" : undefined);
  const doomed = createCandidates(resumed);
  if (waiting === undefined) {
    for (const candidate of only(plan.candidates, (one) => !isResumed(one))) doomed.add(candidate);
  }
  const most = options.budget.deletes ?? Infinity;
  const removed = createBlobList();
  for (const { blob } of doomed) if (removed.length < most) removed.add(blob);
  const stopped = removed.length < doomed.length ? "budget of deletes is spent" : waiting;
  const generation = generationOf(plan.index);
  return {
    plan,
    removed,
    epoch: plan.epoch,
    replaced: 0,
    rescued: 0,
    failed: [],
    damaged: [],
    restored: [],
    resumed: resumed.length,
    ingestsExpired: await staleIngests(store),
    trash: { bytes: options.trash === 0 ? 0 : await trashOf(store) + removed.bytes },
    generation: [generation, generation],
    phases: { resume: 0, plan: 0, sweep: 0, tidy: 0 },
    ...(stopped === undefined ? {} : { stopped }),
  };
}

async function staleIngests(store: Store): Promise<number> {
  const before = await timeOf(store) - STALE_INGEST;
  const all = await Array.fromAsync(store.backend.blobs.ingests());
  return all.filter(({ updatedAt }) => updatedAt.getTime() <= before).length;
}

async function trashOf({ backend: { blobs: { trash } } }: Store): Promise<number> {
  let bytes = 0;
  for await (const { size } of trash?.list() ?? []) bytes += size;
  return bytes;
}
