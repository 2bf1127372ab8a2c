import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { isOciError } from "./errors.ts";
import { kindOfVisit, type Visit, walkGraph, type WalkOptions } from "./graph.ts";
import type { ImageIndex } from "./image_index.ts";
import { kindOf } from "./manifest.ts";
import { readNode } from "./read.ts";
import { hookEdges } from "./run_hooks.ts";
import type { Store } from "./store.ts";

/** What is reached from some entries, added bit by bit; nothing is opened twice. */
export interface Reach {
  /** How each digest was reached first. */
  readonly visits: ReadonlyMap<Digest, Visit>;
  /** What keeps a digest alive that is no child of it. */
  readonly ties: ReadonlyMap<Digest, Visit>;
  /** Adds all that these reach. */
  add(entries: readonly Descriptor[]): Promise<void>;
}

/** What the children below some entries are. What cannot be read has none. */
export function reachBelow(store: Store): Reach {
  return createReach(store, () => Promise.resolve([]), (_, error) => {
    if (isOciError(error, "corrupt", "size_exceeded")) return false;
    throw error;
  });
}

/**
 * What some entries of an index keep alive: their children, what hooks add, and the subjects of what is below them.
 * What cannot be read stops it.
 */
export function reachAlive(store: Store, index: ImageIndex): Reach {
  const edges = hookEdges(store, index);
  return createReach(store, async (visit, isEntry) => {
    const { target, node } = visit;
    const ties = isEntry || !node?.subject ? [] : [node.subject];
    ties.push(...await edges(target));
    if (!node && visit.role !== "config" && visit.role !== "layer") {
      ties.push(...await unknownChildren(store, target));
    }
    return ties;
  });
}

/** The children of a manifest of a type nobody knows; none if it is no manifest. */
async function unknownChildren(store: Store, { mediaType, digest, size }: Descriptor) {
  if (kindOf(mediaType) !== undefined || size > store.limits.manifest) return [];
  try {
    return (await readNode(store, { digest, size })).edges.map(({ target }) => target);
  } catch (error) {
    if (isOciError(error, "not_found", "corrupt", "unsupported")) return [];
    throw error;
  }
}

function createReach(
  store: Store,
  tiesOf: (visit: Visit, isEntry: boolean) => Promise<readonly Descriptor[]>,
  onBroken?: WalkOptions["onBroken"],
): Reach {
  const visits = new Map<Digest, Visit>();
  const ties = new Map<Digest, Visit>();
  const opened = new Set<string>();
  const keyOf = (visit: Visit) => `${kindOfVisit(visit)} ${visit.target.digest}`;
  const options: WalkOptions = {
    sparse: true,
    prune: (visit) => opened.has(keyOf(visit)),
    ...(onBroken ? { onBroken } : {}),
  };

  /** Walks, and gives what is tied to what is met for the first time. */
  async function walk(roots: readonly Descriptor[], areEntries: boolean): Promise<Descriptor[]> {
    const next: Descriptor[] = [];
    for await (const visit of walkGraph(store, roots, options)) {
      const { digest } = visit.target;
      if (!visits.has(digest)) visits.set(digest, visit);
      if (opened.has(keyOf(visit))) continue;
      opened.add(keyOf(visit));
      for (const tie of await tiesOf(visit, areEntries && visit.role === "root")) {
        if (!ties.has(tie.digest)) ties.set(tie.digest, visit);
        next.push(tie);
      }
    }
    return next;
  }
  return {
    visits,
    ties,
    async add(entries) {
      let next = await walk(entries, true);
      while (next.length > 0) next = await walk(next, false);
    },
  };
}
