import { annotated, type Descriptor, type Platform } from "./descriptor.ts";
import { type Digest, isDigest, looksLikeDigest } from "./digest.ts";
import { runBeforeRead, transact } from "./edit.ts";
import { OciError } from "./errors.ts";
import { type OnEvent, startMeter, type Tally } from "./events.ts";
import { usable } from "./image_index.ts";
import { nameless, nameOf } from "./names.ts";
import { createMover, type Mover, type MoveOptions } from "./mover.ts";
import { parsePlatform } from "./platform.ts";
import { listedReferrers } from "./referrers.ts";
import { resolve, selectPlatform } from "./resolve.ts";
import { assertWritable, placeOf, type Store } from "./store.ts";
import type { ExpectOptions } from "./transaction.ts";

/** Which referrers come along. */
export interface ReferrerChoice {
  /** Steps from the root; default all. */
  readonly depth?: number;
  /** Only of these types. */
  readonly artifactTypes?: readonly string[];
}

/** How references are copied. */
export interface CopyOptions extends MoveOptions, ExpectOptions {
  /** Names in the target instead of the source's. */
  readonly as?: string | readonly string[];
  /** The one manifest of an index that is copied in its place. */
  readonly platform?: string | Platform;
  /** The children of an index that are copied, under a new index; with `sparse` under the index as it is. */
  readonly platforms?: readonly (string | Platform)[];
  /** What refers to the copied manifests. */
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
  readonly copied: readonly CopiedReference[];
  /** Left out by choice. */
  readonly leftOut: readonly Digest[];
  /** Missing in the source, and allowed to. */
  readonly missing: readonly Digest[];
  readonly tally: Tally;
}

interface Chosen {
  readonly entry: Descriptor;
  readonly names: readonly string[];
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
  let ok = false;
  try {
    const chosen = await choose(from, what, options);
    const mover = createMover(from, to, await to.root.load(), meter, options);
    const roots: (Chosen & { source: Digest })[] = [];
    for (const one of chosen) {
      const entry = await bringRoot(mover, one.entry, options);
      roots.push({ ...one, entry, source: one.entry.digest });
    }
    if (options.referrers) {
      const choice = options.referrers === true ? {} : options.referrers;
      roots.push(...await bringReferrers(from, mover, choice));
    }
    const copied = await publish(to, roots, options);
    for (const { names, descriptor, previous } of copied) {
      for (const name of names) meter.reference(name, descriptor.digest, previous);
    }
    ok = true;
    return { copied, leftOut: mover.leftOut, missing: mover.missing, tally: meter.tally() };
  } finally {
    meter.end(ok);
  }
}

async function choose(
  from: Store,
  what: string | readonly string[] | undefined,
  { as, platform }: CopyOptions,
): Promise<Chosen[]> {
  const index = await from.root.load();
  const renamed = as === undefined ? undefined : [as].flat();
  const chosen: Chosen[] = [];
  if (what === undefined) {
    for (const entry of usable(index)) {
      const name = nameOf(entry);
      if (name !== undefined) await runBeforeRead(from, index, entry);
      chosen.push({ entry, names: name === undefined ? [] : [name] });
    }
  } else {
    for (const name of [what].flat()) {
      const found = await resolve(from, index, name);
      const own = looksLikeDigest(name) ? undefined : nameOf(found);
      if (own !== undefined) await runBeforeRead(from, index, found);
      const entry = platform === undefined
        ? found
        : await selectPlatform(from, found, parsePlatform(platform), name);
      chosen.push({ entry, names: renamed ?? (own === undefined ? [] : [own]) });
    }
  }
  if (renamed && chosen.length !== 1) {
    throw new OciError("invalid", `Cannot give ${chosen.length} references the same names`);
  }
  return chosen;
}

async function bringRoot(
  mover: Mover,
  entry: Descriptor,
  { platforms }: CopyOptions,
): Promise<Descriptor> {
  if (platforms && platforms.length > 0) {
    return await mover.bringPlatforms(entry, platforms.map(parsePlatform));
  }
  await mover.bring(entry);
  return entry;
}

/** Climbs from every manifest that was brought, round by round, until nothing more refers to one. */
async function bringReferrers(
  from: Store,
  mover: Mover,
  { depth = Infinity, artifactTypes }: ReferrerChoice,
): Promise<(Chosen & { source: Digest })[]> {
  const ties = await Array.fromAsync(listedReferrers(from, await from.root.load()));
  const found = new Map<Descriptor, Chosen & { source: Digest }>();
  for (let step = 0; step < depth; step++) {
    const next = ties.filter(({ entry, subject, by, artifactType = "" }) =>
      !found.has(entry) && mover.nodes.has(subject as Digest) &&
      (by === "tag" || !artifactTypes || artifactTypes.includes(artifactType))
    );
    if (next.length === 0) break;
    for (const { entry } of next) {
      await mover.bring(entry);
      const name = nameOf(entry);
      found.set(entry, { entry, source: entry.digest, names: name === undefined ? [] : [name] });
    }
  }
  return [...found.values()];
}

/** Lists all roots in one swap. */
async function publish(
  to: Store,
  roots: readonly (Chosen & { source: Digest })[],
  { expect, keepPrevious = false, sparse = false }: CopyOptions,
): Promise<CopiedReference[]> {
  return await transact(to, async (tx) => {
    const copied: CopiedReference[] = [];
    for (const { entry, names, source } of roots) {
      const previous = names.length === 0
        ? undefined
        : tx.index.manifests.find((other) => nameOf(other) === names[0])?.digest;
      const bare = annotated(entry, nameless);
      const set = names.length === 0 ? (tx.insert(bare), []) : await tx.tag(bare, names, {
        ...(expect === undefined ? {} : { expect }),
        keepPrevious,
        sparse,
      });
      copied.push({
        descriptor: set[0] ?? bare,
        source,
        names: names.filter((name) => !isDigest(name)),
        ...(previous === undefined ? {} : { previous }),
      });
    }
    return copied;
  });
}
