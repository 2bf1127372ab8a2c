import {
  type BlobInfo,
  type CollectionState,
  condemnedName,
  type Descriptor,
  editJson,
  loadJson,
  type Schema,
  type Shard,
  shardOf,
  STATE,
  stateSchema,
  type Store,
  z,
} from "../../core/mod.ts";
import { blobOf, digestIn } from "./blob_list.ts";
import type { Candidates } from "./candidates.ts";

/** The state of the last collection, if there was one. */
export function loadState(store: Store): Promise<CollectionState | undefined> {
  return loadJson(store.backend.docs, STATE, stateSchema);
}

/**
 * Changes the state of a run, again if a writer was first with a rescue; undefined if another run has taken over.
 */
export async function editState(
  store: Store,
  run: string,
  edit: (state: CollectionState) => CollectionState,
): Promise<CollectionState | undefined> {
  const after = await editJson(
    store.backend.docs,
    STATE,
    stateSchema,
    (state) => state?.run === run ? edit(state) : state,
    store,
  );
  return after?.run === run ? after : undefined;
}

/** Shards a kind is cut into, so that each list stays a small document. */
export function widthFor(condemned: number): 1 | 16 | 256 {
  return condemned <= 10_000 ? 1 : condemned <= 1_000_000 ? 16 : 256;
}

type Names = Pick<CollectionState, "epoch" | "run" | "width">;

/** Writes down what is condemned, shard by shard; gives a letter a shard: an empty one is over at once. */
export async function writeCondemned(
  store: Store,
  names: Names,
  candidates: Candidates,
): Promise<{ n: string; l: string }> {
  const letters = { n: "", l: "" };
  for (const kind of ["n", "l"] as const) {
    const shards = Map.groupBy(
      candidates[kind].lines(),
      (line) => shardOf(digestIn(line), names.width),
    );
    for (let at = 0; at < names.width; at++) {
      const lines = shards.get(at);
      letters[kind] += lines ? "C" : "X";
      if (!lines) continue;
      const name = condemnedName(names, { kind, at });
      await store.backend.docs.swap(name, lines.join("\n"), undefined);
      shards.delete(at);
    }
  }
  return letters;
}

/** The copies that a shard condemns. */
export async function readCondemned(
  store: Store,
  state: CollectionState,
  shard: Shard,
): Promise<BlobInfo[]> {
  const doc = await store.backend.docs.load(condemnedName(state, shard));
  return doc?.text.split("\n").map(blobOf) ?? [];
}

const dropsSchema = z.array(z.looseObject({})) as unknown as Schema<readonly Descriptor[]>;

function dropsName({ epoch, run }: Pick<Names, "epoch" | "run">): string {
  return `.stowage/gc/${epoch}.${run}/dropped`;
}

/** Writes down the entries that go, for an undo. */
export async function writeDrops(
  store: Store,
  names: Pick<Names, "epoch" | "run">,
  drops: readonly Descriptor[],
): Promise<void> {
  await store.backend.docs.swap(dropsName(names), JSON.stringify(drops), undefined);
}

/** The entries that a run has dropped. */
export async function readDrops(
  store: Store,
  names: Pick<Names, "epoch" | "run">,
): Promise<readonly Descriptor[]> {
  return await loadJson(store.backend.docs, dropsName(names), dropsSchema) ?? [];
}

/** Removes the lists of earlier runs, and this one's condemned lists; its drops stay, for an undo. */
export async function removeLists(
  store: Store,
  names: Pick<Names, "epoch" | "run">,
): Promise<void> {
  const { docs } = store.backend;
  for (const name of await Array.fromAsync(docs.list(".stowage/gc/"))) {
    const [, epoch = Infinity] = /^\.stowage\/gc\/(\d+)\./.exec(name) ?? [];
    if (Number(epoch) > names.epoch || name === dropsName(names)) continue;
    const seen = await docs.load(name);
    if (seen) await docs.swap(name, undefined, seen);
  }
}
