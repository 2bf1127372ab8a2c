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
import type { BlobList } from "./blob_list.ts";
import type { Candidates } from "./candidates.ts";
import { thrift } from "./thrift.ts";

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
  return {
    n: await writeShards(store, names, "n", candidates.n),
    l: await writeShards(store, names, "l", candidates.l),
  };
}

async function writeShards(store: Store, names: Names, kind: Shard["kind"], blobs: BlobList) {
  let letters = "";
  for (const some of names.width === 1 ? [blobs] : digits.map(blobs.beginningWith)) {
    const shards = new Map<number, string[]>();
    for (const blob of some) {
      const at = shardOf(blob.digest, names.width);
      const lines = shards.get(at);
      if (lines) lines.push(lineOf(blob));
      else shards.set(at, [lineOf(blob)]);
    }
    // What begins alike comes together, so these are the next ones.
    const before = letters.length;
    for (let at = before; at < before + Math.ceil(names.width / digits.length); at++) {
      const lines = shards.get(at);
      letters += lines ? "C" : "X";
      if (!lines) continue;
      const text = lines.join("\n");
      shards.delete(at);
      lines.length = 0;
      thrift();
      await store.backend.docs.swap(condemnedName(names, { kind, at }), text, undefined);
      thrift();
    }
  }
  return letters;
}

const digits = Array.from({ length: 16 }, (_, digit) => digit);

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
  return doc?.text.split("\n").map((line) => {
    const [digest = "", size, modified, version = ""] = line.split(" ");
    return {
      digest: digest as Digest,
      size: Number(size),
      ...(modified ? { modified: new Date(Number(modified)) } : {}),
      ...(version === "" ? {} : { version }),
    };
  }) ?? [];
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
    thrift();
  }
}
