import {
  collectionOf,
  type CollectionState,
  type Descriptor,
  type Digest,
  editJson,
  epochOf,
  type ImageIndex,
  isForeign,
  isOver,
  isUsable,
  OciError,
  sameJson,
  shardsOf,
  STATE,
  stateSchema,
  type Store,
  timeOf,
  withCollection,
} from "../../core/mod.ts";
import { follow, type Plan } from "./plan.ts";
import { thrift } from "./thrift.ts";
import { editState, loadState, widthFor, writeCondemned, writeDrops } from "./state.ts";

/**
 * Writes down what a plan condemns, then fences the index: from then on nothing condemned is reachable, unless it was
 * rescued. A writer that counted on an older epoch loses its swap.
 *
 * @throws {OciError} `conflict` if another collection was first.
 */
export async function condemn(
  store: Store,
  plan: Plan,
  run: string,
  quarantine: number,
): Promise<CollectionState> {
  const former = await loadState(store);
  const epoch = Math.max(plan.epoch, former?.epoch ?? 0) + 1;
  const width = widthFor(plan.candidates.length);
  const names = { epoch, run, width };
  await writeDrops(store, names, plan.drops);
  const shards = await writeCondemned(store, names, plan.candidates);
  const state: CollectionState = {
    format: 1,
    phase: "condemned",
    t0: plan.t0,
    notBefore: plan.t0 + quarantine,
    shards,
    claims: {},
    rescued: [],
    ...names,
  };
  const now = await timeOf(store);
  await editJson(store.backend.docs, STATE, stateSchema, (seen) => {
    // Ours may have landed though we were told of a conflict; somebody may have rescued from it since.
    if (seen?.run === run) return seen;
    // Writers wait for the claims of the epoch they find: one that still runs must not be lost from sight.
    if (seen && (seen.epoch >= epoch || isClaimed(seen, now))) throw overtaken();
    return state;
  }, store);
  thrift();
  const open = await fence(store, plan, state);
  thrift();
  if (quarantine === 0) return open;
  // Up to the fence somebody may have resolved what it dropped, however long ago the plan was made.
  const notBefore = await timeOf(store) + quarantine;
  return await editState(store, run, (now) => ({ ...now, notBefore })) ?? open;
}

async function fence(store: Store, plan: Plan, state: CollectionState): Promise<CollectionState> {
  const { epoch, run } = state;
  let rescued = state;
  await store.root.edit(async (index) => {
    // An epoch must never go backwards.
    if (epochOf(index) >= epoch) throw overtaken();
    rescued = await rescue(store, plan, state, index);
    return withCollection(withoutDrops(index, plan), { epoch, state: "open", run });
  }, store.signal);
  return rescued;
}

/** Spares what entries reach that were added since the plan was made. */
async function rescue(
  store: Store,
  plan: Plan,
  state: CollectionState,
  index: ImageIndex,
): Promise<CollectionState> {
  if (index === plan.index) return state;
  const known = new Set(plan.index.manifests.map((entry) => JSON.stringify(entry)));
  const fresh = index.manifests.filter((entry) =>
    isUsable(entry) && !known.has(JSON.stringify(entry))
  );
  if (fresh.length === 0) return state;
  await plan.mark.add(fresh);
  await follow(plan.mark, plan.ties);
  const hits: Digest[] = [];
  for (const { blob } of plan.candidates) {
    if (plan.mark.live.has(blob.digest)) hits.push(blob.digest);
  }
  if (hits.length === 0) return state;
  const after = await editState(store, state.run, (now) => ({
    ...now,
    rescued: [...new Set([...now.rescued, ...hits])],
  }));
  if (!after) throw overtaken();
  return after;
}

/** The index without what the plan drops, as far as it still stands there as it was, and nothing new needs it. */
function withoutDrops(index: ImageIndex, plan: Plan): ImageIndex {
  const tied = new Set(plan.ties.map(({ target }) => target));
  const drops = Map.groupBy(
    plan.drops.filter((entry) => !tied.has(entry) || !plan.mark.live.has(entry.digest)),
    ({ digest }) => digest,
  );
  const goes = (entry: Descriptor) =>
    drops.get(entry?.digest)?.some((drop) => sameJson(drop, entry)) ?? false;
  return { ...index, manifests: index.manifests.filter((entry) => !goes(entry)) };
}

/** Whether some request to delete may still take effect. */
function isClaimed(state: CollectionState, now: number): boolean {
  return shardsOf(state).some((shard) =>
    state.shards[shard.kind][shard.at] === "D" && !isOver(state, shard, now)
  );
}

function overtaken(): OciError {
  return new OciError("conflict", "Cannot collect: another collection was first");
}

/** Whether the index is still in the hands of this run: another program that has written it may count on anything. */
export async function isOurs(store: Store, { epoch, run }: CollectionState): Promise<boolean> {
  const index = await store.root.load();
  const now = collectionOf(index);
  return !isForeign(index) && now.epoch === epoch && now.run === run && now.state === "open";
}
