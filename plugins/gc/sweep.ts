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
import { isOurs } from "./condemn.ts";
import { editState, readCondemned } from "./state.ts";

/** Digests that are deleted under one claim. */
const GROUP = 10_000;
/** What a claim's deadline adds to that of its requests, in milliseconds. */
const SLACK = 30_000;

/** What a sweep may spend. */
export interface Budget {
  /** Copies deleted. */
  readonly deletes?: number;
  /** Milliseconds. */
  readonly time?: number;
  /** Requests made, where the place counts them. */
  readonly requests?: number;
}

/** What a sweep did. */
export interface Swept {
  readonly removed: readonly BlobInfo[];
  readonly answers: readonly Removal[];
  /** Why it ended before all was done; it can be resumed. */
  readonly stopped?: string;
}

/** The batch of the trash that an epoch fills. */
export function batchOf({ epoch, run }: Pick<CollectionState, "epoch" | "run">): string {
  return `gc-${epoch}-${run}`;
}

/**
 * Deletes what is condemned, group by group, nodes before what they point at. Each group is claimed, deleted, and over
 * only when every request has had an answer.
 */
export async function sweep(
  store: Store,
  begun: CollectionState,
  budget: Budget,
): Promise<Swept> {
  const removed: BlobInfo[] = [];
  const answers: Removal[] = [];
  const start = store.clock.elapsed();
  const requests = total(store.backend.usage?.());
  let state = begun;
  for (const kind of ["n", "l"] as const) {
    while (true) {
      const group = await nextGroup(store, state, kind);
      if (group.length === 0) break;
      const spent = overBudget(budget, {
        deletes: answers.length,
        time: store.clock.elapsed() - start,
        requests: total(store.backend.usage?.()) - requests,
      });
      if (spent) return { removed, answers, stopped: spent };
      if (!await isOurs(store, state)) return { removed, answers, stopped: "taken over" };
      const done = await sweepGroup(store, state, group);
      if (!done) return { removed, answers, stopped: "taken over" };
      state = done.state;
      answers.push(...done.answers);
      removed.push(...done.removed);
    }
    // Parents are gone, or past any request that could still remove one, before their children go.
    await awaitDeadlines(store, state, kind);
  }
  return { removed, answers };
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

async function sweepGroup(store: Store, state: CollectionState, parts: readonly Part[]) {
  const { blobs } = store.backend;
  const bound = blobs.renew ? undefined : blobs.deleteBound;
  const until = bound === undefined ? undefined : await timeOf(store) + bound;
  const claim = until === undefined ? undefined : { id: claimId(store), deadline: until + SLACK };
  let mine: readonly Part[] = [];
  // What was rescued, and what others have claimed, is read from the very state that the claim replaces.
  const claimed = await editState(store, state.run, (now) => {
    mine = parts.filter(({ shard }) => isCondemned(now, shard));
    const shards = mine.map(({ shard }) => shard);
    return claim && shards.length > 0 ? withPhase(now, shards, "D", claim) : now;
  });
  if (!claimed) return undefined;
  const rescued = new Set<Digest>(claimed.rescued);
  const seen = mine.flatMap((part) => part.seen).filter(({ digest }) => !rescued.has(digest));
  const answers = await blobs.delete(seen, {
    batch: batchOf(state),
    ...(until === undefined ? {} : { until: new Date(until) }),
    ...(store.signal ? { signal: store.signal } : {}),
  });
  for (const { digest } of answers) store.stamps.delete(digest);
  const answered = answers.every(({ outcome }) => outcome !== "unknown");
  const after = bound !== undefined && !answered
    ? claimed
    : await editState(store, state.run, (now) => {
      const shards = mine.map(({ shard }) => shard).filter((shard) =>
        !claim || now.claims[shardName(shard, now.width)]?.id === claim.id
      );
      return shards.length > 0 ? withPhase(now, shards, "X") : now;
    });
  if (!after) return undefined;
  return {
    state: after,
    answers,
    removed: seen.filter((_, at) => answers[at]?.outcome === "removed"),
  };
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

function total(usage: Readonly<Record<string, number>> | undefined): number {
  return Object.values(usage ?? {}).reduce((sum, count) => sum + count, 0);
}

function overBudget(budget: Budget, spent: Required<Budget>): string | undefined {
  for (const name of ["deletes", "time", "requests"] as const) {
    const most = budget[name];
    if (most !== undefined && spent[name] >= most) return `budget of ${name} is spent`;
  }
  return undefined;
}
