import {
  type BlobInfo,
  type CollectionState,
  type Digest,
  isOver,
  type Removal,
  type Shard,
  shardName,
  shardsOf,
  type Store,
  timeOf,
  withPhase,
} from "../../core/mod.ts";
import { type BlobList, createBlobList } from "./blob_list.ts";
import type { Meter } from "./budget.ts";
import { isOurs } from "./condemn.ts";
import { editState, readCondemned } from "./state.ts";
import { thrift } from "./thrift.ts";

/** Digests that are deleted under one claim. */
const GROUP = 10_000;
/** Copies that are deleted in one go, where that is free: what they cost in memory is given back between. */
const SLICE = 500;
/** What a claim's deadline adds to that of its requests, in milliseconds. */
const SLACK = 30_000;

/** What a sweep did. */
export interface Swept {
  readonly removed: BlobList;
  /** Blobs of which another copy stood there. */
  readonly replaced: number;
  /** What could not be deleted, or of which nobody knows. */
  readonly failed: readonly Removal[];
  /** Why it ended before all was done; it can be resumed. */
  readonly stopped?: string;
}

const OVERTAKEN = "taken over by another run";

/** The batch of the trash that an epoch fills. */
export function batchOf({ epoch, run }: Pick<CollectionState, "epoch" | "run">): string {
  return `gc-${epoch}-${run}`;
}

/**
 * Deletes what is condemned, group by group, nodes before what they point at. Each group is claimed, deleted, and over
 * only when every request has had an answer.
 */
export async function sweep(store: Store, begun: CollectionState, meter: Meter): Promise<Swept> {
  const sum = { removed: createBlobList(), replaced: 0, failed: [] as Removal[] };
  let state = begun;
  for (const kind of ["n", "l"] as const) {
    while (true) {
      const group = await nextGroup(store, state, kind);
      if (group.length === 0) break;
      const stopped = meter.stop();
      if (stopped) return { ...sum, stopped };
      if (!await isOurs(store, state)) return { ...sum, stopped: OVERTAKEN };
      const done = await sweepGroup(store, state, group, meter);
      if (!done) return { ...sum, stopped: OVERTAKEN };
      for (const { digest, size } of done.removed) sum.removed.add({ digest, size });
      for (const answer of done.answers) {
        if (answer.outcome === "replaced") sum.replaced++;
        if (answer.outcome === "failed" || answer.outcome === "unknown") sum.failed.push(answer);
      }
      if (done.stopped) return { ...sum, stopped: done.stopped };
      state = done.state;
    }
    // Parents are gone, or past any request that could still remove one, before their children go.
    await awaitDeadlines(store, state, kind);
  }
  return sum;
}

/** What became of a group. */
interface Done {
  readonly removed: readonly BlobInfo[];
  readonly answers: readonly Removal[];
  readonly state: CollectionState;
  readonly stopped?: string;
}

interface Part {
  readonly shard: Shard;
  readonly seen: readonly BlobInfo[];
}

/** The next condemned shards of a kind, some ten thousand copies together. */
async function nextGroup(store: Store, state: CollectionState, kind: "n" | "l"): Promise<Part[]> {
  const parts: Part[] = [];
  let count = 0;
  for (const shard of shardsOf(state)) {
    if (shard.kind !== kind || !isCondemned(state, shard)) continue;
    const seen = await readCondemned(store, state, shard);
    thrift();
    if (count > 0 && count + seen.length > GROUP) break;
    parts.push({ shard, seen });
    count += seen.length;
  }
  return parts;
}

/** Whether a shard may still be claimed: its letter only moves on, and nothing is claimed once the run is over. */
function isCondemned({ phase, shards }: CollectionState, { kind, at }: Shard): boolean {
  return phase === "condemned" && shards[kind][at] === "C";
}

async function sweepGroup(
  store: Store,
  state: CollectionState,
  parts: readonly Part[],
  meter: Meter,
): Promise<Done | undefined> {
  const { blobs } = store.backend;
  const bound = blobs.renew ? undefined : blobs.deleteBound;
  const until = bound === undefined ? undefined : await timeOf(store) + bound;
  const claim = until === undefined ? undefined : { id: claimId(store), deadline: until + SLACK };
  let mine: readonly Part[] = [];
  // What was rescued, and what others have claimed, is read from the very state that the claim replaces.
  const claimed = await editState(store, state.run, (now) => {
    const isClaimed = (shard: Shard) =>
      claim !== undefined && now.claims[shardName(shard, now.width)]?.id === claim.id;
    mine = parts.filter(({ shard }) => isCondemned(now, shard) || isClaimed(shard));
    // The claim may have landed though we were told of a conflict.
    const shards = mine.map(({ shard }) => shard).filter((shard) => !isClaimed(shard));
    return claim && shards.length > 0 ? withPhase(now, shards, "D", claim) : now;
  });
  if (!claimed) return undefined;
  const rescued = new Set<Digest>(claimed.rescued);
  const seen = mine.flatMap((part) => part.seen).filter(({ digest }) => !rescued.has(digest));
  thrift();
  const removed: BlobInfo[] = [];
  const answers: Removal[] = [];
  // Where deletes are exact they may be repeated, so a list can be left half-way; a claim is used once.
  while (answers.length < seen.length && (claim || meter.left > 0)) {
    const most = claim ? Infinity : Math.min(SLICE, meter.left);
    const next = seen.slice(answers.length, answers.length + most);
    const told = await blobs.delete(next, {
      batch: batchOf(state),
      ...(until === undefined ? {} : { until: new Date(until) }),
      ...(store.signal ? { signal: store.signal } : {}),
    });
    for (const [at, answer] of told.entries()) {
      const blob = next[at];
      answers.push(answer);
      if (blob && answer.outcome === "removed") removed.push(blob);
    }
    thrift();
    meter.count(told.filter(({ outcome }) => outcome === "removed").length);
  }
  for (const { digest } of answers) store.stamps.delete(digest);
  const done = { removed, answers: answers.filter(({ error }) => error?.code !== "aborted") };
  const stopped = store.signal?.aborted || answers.length < seen.length ? meter.stop() : undefined;
  if (stopped) return { ...done, state: claimed, stopped };
  const answered = answers.every(({ outcome }) => outcome !== "unknown");
  const after = bound !== undefined && !answered
    ? claimed
    : await editState(store, state.run, (now) => {
      const shards = mine.map(({ shard }) => shard).filter((shard) =>
        !claim || now.claims[shardName(shard, now.width)]?.id === claim.id
      );
      return shards.length > 0 ? withPhase(now, shards, "X") : now;
    });
  return after && { ...done, state: after };
}

/** Waits until no request of a claim can take effect any more. */
export async function awaitDeadlines(
  store: Store,
  state: CollectionState,
  kind: "n" | "l",
): Promise<void> {
  while (true) {
    const now = await timeOf(store);
    const open = shardsOf(state).filter((shard) =>
      shard.kind === kind && state.shards[kind][shard.at] === "D" && !isOver(state, shard, now)
    );
    if (open.length === 0) return;
    const deadlines = open.map((shard) =>
      state.claims[shardName(shard, state.width)]?.deadline ?? now
    );
    await store.clock.sleep(Math.max(...deadlines) - now + 1, store.signal);
  }
}

function claimId({ clock }: Store): string {
  return `${Math.floor(clock.random() * 2 ** 48).toString(16)}`;
}
