// What a writer does before it relies on a blob where a collector deletes by a deadline and copies cannot be renewed: it
// reads the state of the collection, takes back what is condemned, and waits for what is being deleted.
import type { Backend } from "./backend.ts";
import type { Clock } from "./clock.ts";
import {
  type CollectionState,
  condemnedDigests,
  condemnedName,
  isOver,
  type Shard,
  shardOf,
  STATE,
  stateSchema,
} from "./collection.ts";
import type { Digest } from "./digest.ts";
import { readJson } from "./docs.ts";
import { isOciError } from "./errors.ts";
import type { Root } from "./root.ts";
import { timeOf } from "./store.ts";

/** The longest pause before the state is read again, in milliseconds. */
const POLL = 2_000;

/**
 * A consultation: once it resolves, no collector takes the blob in the epoch last seen. Digests that arrive during one
 * share the next. Where copies are renewed, or nothing can be collected beside writers, there is nothing to do.
 */
export function createConsult(
  backend: Backend,
  root: Root,
  clock: Clock,
  signal: AbortSignal | undefined,
): (digest: Digest) => Promise<void> {
  const { blobs, docs } = backend;
  if (blobs.renew || blobs.deleteBound === undefined) return () => Promise.resolve();
  const lists = new Map<string, Promise<ReadonlySet<Digest>>>();
  let next: { readonly digests: Set<Digest>; readonly done: Promise<void> } | undefined;
  let last: Promise<void> = Promise.resolve();

  /** The condemned digests of a shard: written once, so read once. */
  async function isCondemned(state: CollectionState, shard: Shard, digest: Digest) {
    const name = condemnedName(state, shard);
    if (!lists.has(name)) lists.set(name, condemnedDigests(docs, state, shard));
    try {
      return (await lists.get(name))?.has(digest) ?? false;
    } catch (error) {
      lists.delete(name);
      throw error;
    }
  }

  /** Those of the digests that a shard still threatens, condemned or being deleted. */
  async function threatened(state: CollectionState, digests: Iterable<Digest>, now: number) {
    const condemned: Digest[] = [];
    let deadline = 0;
    for (const digest of digests) {
      if (state.rescued.includes(digest)) continue;
      for (const kind of ["n", "l"] as const) {
        const shard = { kind, at: shardOf(digest, state.width) };
        if (isOver(state, shard, now) || !await isCondemned(state, shard, digest)) continue;
        if (state.shards[kind][shard.at] === "C") condemned.push(digest);
        else deadline = Math.max(deadline, ...Object.values(state.claims).map((c) => c.deadline));
      }
    }
    return { condemned, deadline };
  }

  async function settle(digests: Iterable<Digest>): Promise<void> {
    while (true) {
      const seen = await docs.load(STATE);
      const now = await timeOf({ backend, clock });
      const state = readJson(STATE, stateSchema, seen?.text);
      if (!state || state.phase === "done") return;
      // After a rewrite by others the index cannot tell which epoch is under way.
      if (root.collection.state !== "void" && state.epoch !== root.epoch) return;
      const { condemned, deadline } = await threatened(state, digests, now);
      if (condemned.length > 0) {
        const rescued = [...state.rescued, ...condemned];
        try {
          await docs.swap(STATE, JSON.stringify({ ...state, rescued }), seen);
        } catch (error) {
          if (!isOciError(error, "conflict")) throw error;
        }
      } else if (deadline > 0) {
        await clock.sleep(Math.min(POLL, deadline - now + 1), signal);
      } else return;
    }
  }

  return (digest) => {
    // A run that is over deletes nothing any more; a new one must fence first.
    if (root.collection.state === "done") return Promise.resolve();
    if (!next) {
      const digests = new Set<Digest>();
      const done = last.catch(() => {}).then(() => {
        next = undefined;
        return settle(digests);
      });
      next = { digests, done };
      last = done;
    }
    next.digests.add(digest);
    return next.done;
  };
}
