import {
  type BlobInfo,
  type CollectionState,
  condemnedName,
  type Descriptor,
  type Digest,
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
import type { Candidate } from "./plan.ts";

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
  candidates: readonly Candidate[],
): Promise<{ n: string; l: string }> {
  const kinds = {
    n: candidates.filter(({ node }) => node),
    l: candidates.filter(({ node }) => !node),
  };
  const letters = { n: "", l: "" };
  for (const kind of ["n", "l"] as const) {
    const shards = Map.groupBy(kinds[kind], ({ blob }) => shardOf(blob.digest, names.width));
    for (let at = 0; at < names.width; at++) {
      const lines = (shards.get(at) ?? []).map(({ blob }) => lineOf(blob));
      letters[kind] += lines.length === 0 ? "X" : "C";
      if (lines.length === 0) continue;
      await store.backend.docs.swap(
        condemnedName(names, { kind, at }),
        lines.join("\n"),
        undefined,
      );
    }
  }
  return letters;
}

function lineOf({ digest, size, modified, version = "" }: BlobInfo): string {
  return `${digest} ${size} ${modified?.getTime() ?? ""} ${version}`;
}

/** The copies that a shard condemns. */
export async function readCondemned(
  store: Store,
  state: CollectionState,
  shard: Shard,
): Promise<BlobInfo[]> {
  const doc = await store.backend.docs.load(condemnedName(state, shard));
  const lines = doc?.text.split("\n") ?? [];
  return lines.map((line) => {
    const [digest = "", size, modified, version = ""] = line.split(" ");
    return {
      digest: digest as Digest,
      size: Number(size),
      ...(modified ? { modified: new Date(Number(modified)) } : {}),
      ...(version === "" ? {} : { version }),
    };
  });
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
