import { condemnedDigests, type Digest, shardsOf, type Store, timeOf } from "../../core/mod.ts";
import {
  checkPlace,
  type Collected,
  type CollectOptions,
  pending,
  planFor,
  STALE_INGEST,
} from "./collect.ts";
import { sumOf } from "./plan.ts";

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
  const plan = await planFor(store, options);
  const resumed = [...plan.candidates, ...plan.waiting].filter(({ blob }) =>
    condemned.has(blob.digest)
  );
  const hasWork = plan.drops.length + plan.candidates.length > resumed.length;
  const stopped = left?.waiting ??
    (options.quarantine > 0 && hasWork ? "in quarantine from then on" : undefined);
  const doomed = stopped === undefined
    ? new Set([...resumed, ...plan.candidates])
    : new Set(resumed);
  const removed = [...doomed].map(({ blob }) => blob);
  return {
    plan,
    removed,
    epoch: plan.epoch,
    spared: 0,
    failed: [],
    damaged: [],
    restored: [],
    resumed: resumed.length,
    ingestsExpired: await staleIngests(store),
    trashBytes: options.trash === 0 ? 0 : await trashOf(store) + sumOf([...doomed]).bytes,
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
