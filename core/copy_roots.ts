import type { Descriptor, Platform } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { runBeforeRead } from "./run_hooks.ts";
import { isOciError, OciError } from "./errors.ts";
import type { ImageIndex } from "./image_index.ts";
import { usable } from "./index_entries.ts";
import { kindOf } from "./manifest.ts";
import type { Mover } from "./mover.ts";
import { isDigestTag, nameOf } from "./names.ts";
import { parsePlatform } from "./platform.ts";
import { listedReferrers } from "./referrers.ts";
import { resolve, selectPlatform } from "./resolve.ts";
import type { Store } from "./store.ts";

/** Which referrers come along. */
export interface ReferrerChoice {
  /** Steps from the root; default all. */
  readonly depth?: number;
  /** Only of these types. */
  readonly artifactTypes?: readonly string[];
}

/** What is copied, and under which names. */
export interface RootOptions {
  /** Names in the target instead of the source's. */
  readonly as?: string | readonly string[];
  /** The one manifest of an index that is copied in its place. */
  readonly platform?: string | Platform;
  /** The children of an index that are copied, under a new index; with `sparse` under the index as it is. */
  readonly platforms?: readonly (string | Platform)[];
}

/** An entry that is copied. */
export interface Root {
  /** As it will be listed. */
  readonly entry: Descriptor;
  /** The names it will have. */
  readonly names: readonly string[];
  /** The digest it had in the source. */
  readonly source: Digest;
}

/** The entries that are asked for, of one state of the source. */
export async function chooseRoots(
  from: Store,
  index: ImageIndex,
  what: string | readonly string[] | undefined,
  { as, platform }: RootOptions,
): Promise<Root[]> {
  const found: Descriptor[] = [];
  if (what === undefined) {
    for (const one of usable(index)) {
      await runBeforeRead(from, index, one);
      found.push(one);
    }
  } else for (const name of [what].flat()) found.push(await resolve(from, index, name));
  if (as !== undefined && found.length !== 1) {
    throw new OciError("invalid", `Cannot give ${found.length} references the same names`);
  }
  const roots: Root[] = [];
  for (const one of found) {
    const name = nameOf(one);
    const entry = platform === undefined ? one : await runningOn(from, one, [platform]);
    const names = [as ?? name ?? []].flat();
    roots.push({ entry, names, source: entry.digest });
  }
  return roots;
}

/** What of a root runs on one of these platforms; a root that is for none of them in particular stays. */
async function runningOn(
  from: Store,
  root: Descriptor,
  platforms: readonly (string | Platform)[],
): Promise<Descriptor> {
  let failure: unknown;
  if (kindOf(root.mediaType) === undefined) return root;
  for (const platform of platforms.map(parsePlatform)) {
    try {
      return await selectPlatform(from, root, platform, nameOf(root) ?? root.digest);
    } catch (error) {
      if (isOciError(error, "unsupported")) return root;
      if (!isOciError(error, "not_found")) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/** Brings roots, cut down to platforms if so asked; gives them as they are in the target. */
export async function bringRoots(
  from: Store,
  mover: Mover,
  roots: readonly Root[],
  { platforms = [] }: RootOptions,
): Promise<Root[]> {
  if (platforms.length === 0) {
    await mover.bring(...roots.map(({ entry }) => entry));
    return [...roots];
  }
  const brought: Root[] = [];
  for (const root of roots) {
    let { entry } = root;
    if (kindOf(entry.mediaType) === "index") {
      entry = await mover.bringPlatforms(entry, platforms.map(parsePlatform));
    } else await mover.bring(await runningOn(from, entry, platforms));
    brought.push({ ...root, entry });
  }
  return brought;
}

/**
 * Climbs from every manifest that was brought, round by round, until nothing more refers to one. Digest tags keep
 * their names, other referrers come without one.
 */
export async function bringReferrers(
  from: Store,
  index: ImageIndex,
  mover: Mover,
  { depth = Infinity, artifactTypes }: ReferrerChoice,
): Promise<Root[]> {
  const ties = await Array.fromAsync(listedReferrers(from, index));
  const found = new Set<Descriptor>();
  for (let step = 0; step < depth; step++) {
    const next = ties.filter(({ entry, subject, by, artifactType = "" }) =>
      !found.has(entry) && mover.nodes.has(subject as Digest) &&
      (by === "tag" || !artifactTypes || artifactTypes.includes(artifactType))
    );
    if (next.length === 0) break;
    for (const { entry } of next) found.add(entry);
    await mover.bring(...next.map(({ entry }) => entry));
  }
  return [...found].map((entry) => {
    const name = nameOf(entry);
    const names = name !== undefined && isDigestTag(name) ? [name] : [];
    return { entry, names, source: entry.digest };
  });
}
