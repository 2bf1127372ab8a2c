import { bringAndList } from "./bring_and_list.ts";
import { annotated, type Descriptor, TAGGED } from "./descriptor.ts";
import { type Digest, isDigest } from "./digest.ts";
import {
  bringReferrers,
  bringRoots,
  chooseRoots,
  type ReferrerChoice,
  type Root,
  type RootOptions,
} from "./copy_roots.ts";
import { transact } from "./edit.ts";
import { type Meter, type OnEvent, startMeter, type Tally } from "./events.ts";
import type { ImageIndex } from "./image_index.ts";
import { named } from "./index_entries.ts";
import { nameless } from "./names.ts";
import { createMover, type MoveOptions, type Mover } from "./mover.ts";
import { hookEdges } from "./run_hooks.ts";
import { at } from "./side.ts";
import { assertWritable, placeOf, type Store } from "./store.ts";
import type { ExpectOptions, Transaction } from "./transaction.ts";

/** How references are copied. */
export interface CopyOptions extends MoveOptions, RootOptions, ExpectOptions {
  /** What refers to the copied manifests, by subject or digest tag. */
  readonly referrers?: boolean | ReferrerChoice;
  /** Told of each event. */
  readonly onEvent?: OnEvent;
}

/** One reference that was copied. */
export interface CopiedReference {
  /** What it is now. */
  readonly descriptor: Descriptor;
  /** The digest it had in the source: another one, if platforms were chosen. */
  readonly source: Digest;
  /** The names that were set; none for an entry without one. */
  readonly names: readonly string[];
  /** What the first of the names stood for before. */
  readonly previous?: Digest;
}

/** What a copy did. */
export interface CopyReport {
  /** The references, in order. */
  readonly copied: readonly CopiedReference[];
  /** Left out by choice. */
  readonly leftOut: readonly Digest[];
  /** Missing in the source, and allowed to. */
  readonly missing: readonly Digest[];
  /** What was moved. */
  readonly tally: Tally;
}

/** Copies references with all they need, then sets all their names in one swap. */
export async function copyReferences(
  from: Store,
  what: string | readonly string[] | undefined,
  to: Store,
  options: CopyOptions = {},
): Promise<CopyReport> {
  assertWritable(to, "copy");
  const meter = startMeter("copy", placeOf(to), to.clock, options.onEvent);
  try {
    const index = await at(from, undefined, () => from.root.load());
    const chosen = await at(from, undefined, () => chooseRoots(from, index, what, options));
    const { copied, mover } = await bringAndList({
      from,
      to,
      meter,
      bring: (meter) => bringAll(from, index, chosen, to, meter, options),
      list: async ({ roots, others, mover }) => ({
        copied: await at(to, undefined, () => publish(to, roots, others, options)),
        mover,
      }),
    });
    for (const { names, descriptor, previous } of copied) {
      for (const name of names) meter.reference(name, descriptor.digest, previous);
    }
    const [leftOut, missing] = [[...mover.leftOut], [...mover.missing]];
    return { copied, leftOut, missing, tally: meter.end(true) };
  } catch (error) {
    meter.end(false);
    throw error;
  }
}

/** Brings what was chosen, and what comes along with it. */
async function bringAll(
  from: Store,
  index: ImageIndex,
  chosen: readonly Root[],
  to: Store,
  meter: Meter,
  options: CopyOptions,
): Promise<{ roots: readonly Root[]; others: readonly Root[]; mover: Mover }> {
  const { referrers = false } = options;
  const target = await at(to, undefined, () => to.root.load());
  const mover = createMover(from, to, target, meter, options);
  const roots = await bringRoots(from, mover, chosen, options);
  const edges = hookEdges(from, index);
  for (const { entry } of chosen) await mover.bring(...await edges(entry));
  const choice = referrers === true ? {} : referrers;
  const climbed = choice ? await bringReferrers(from, index, mover, choice) : [];
  const others = climbed.filter(({ source }) => chosen.every((root) => root.source !== source));
  return { roots, others, mover };
}

/** Lists all in one swap; what must hold for the names holds for those of the roots. */
function publish(
  to: Store,
  roots: readonly Root[],
  others: readonly Root[],
  { expect, keepPrevious = false, sparse = false }: CopyOptions,
): Promise<CopiedReference[]> {
  const options = { keepPrevious, sparse, ...(expect === undefined ? {} : { expect }) };
  return transact(to, async (tx) => {
    const copied: CopiedReference[] = [];
    for (const root of roots) copied.push(await list(tx, root, options));
    for (const other of others) copied.push(await list(tx, other, { sparse }));
    return copied;
  });
}

async function list(
  tx: Transaction,
  { entry, names, source }: Root,
  options: ExpectOptions & { readonly sparse: boolean },
): Promise<CopiedReference> {
  const [first] = names;
  const [previous] = first === undefined ? [] : named(tx.index, first);
  const bare = annotated(entry, { ...nameless, [TAGGED]: null });
  const [set = bare] = await tx.tag(bare, names.length === 0 ? bare.digest : names, options);
  return {
    descriptor: set,
    source,
    names: names.filter((name) => !isDigest(name)),
    ...(previous ? { previous: previous.digest } : {}),
  };
}
