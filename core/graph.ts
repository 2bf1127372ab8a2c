import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import type { Awaitable } from "./hook.ts";
import type { ImageIndex } from "./image_index.ts";
import { usable } from "./index_entries.ts";
import { isSparse } from "./layout_file.ts";
import { type Edge, kindOf, leadsToNode, type Node, type NodeKind } from "./manifest.ts";
import { nameOf } from "./names.ts";
import { nodeOf, readAll } from "./read.ts";
import { placeOf, type Store } from "./store.ts";

/** A node or leaf that a walk has come to. */
export interface Visit {
  /** As its parent, or the index, describes it. */
  readonly target: Descriptor;
  /** Where it stands in its parent; a root stands in the index. */
  readonly role: Edge["role"] | "root";
  /** What it was reached from. */
  readonly parent?: Visit;
  /** What it says, if it is a manifest or index that is stored. */
  readonly node?: Node;
  /** A node that is not stored, in a layout that may be sparse. */
  readonly missing?: boolean;
}

/** How a graph is walked. */
export interface WalkOptions {
  /** Go on where a node is not stored; what holds for the layout if it is not said. */
  readonly sparse?: boolean;
  /** A node for which this answers true is visited, but not opened. */
  readonly prune?: (visit: Visit) => Awaitable<boolean>;
  /** Told of a node that cannot be read: true reads it once more, else the walk goes on beside it. */
  readonly onBroken?: (visit: Visit, error: OciError) => Awaitable<boolean>;
}

/**
 * Visits what the roots reach by their children, depth first, parents before children, each digest once as leaf
 * and once as each kind of node.
 *
 * @throws {OciError} `not_found` for a node that is not stored, unless sparse; `corrupt` and `size_exceeded` with the
 * path from the root.
 */
export async function* walkGraph(
  store: Store,
  roots: Iterable<Descriptor>,
  { sparse, prune, onBroken }: WalkOptions = {},
): AsyncGenerator<Visit> {
  const seen = new Set<string>();
  const stack: Visit[] = [...roots].reverse().map((target) => ({ target, role: "root" }));
  for (let visit = stack.pop(); visit; visit = stack.pop()) {
    const kind = kindOfVisit(visit);
    const key = `${kind} ${visit.target.digest}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (kind === undefined || await prune?.(visit)) {
      yield visit;
      continue;
    }
    const opened = await open(store, visit, sparse, onBroken);
    yield opened;
    for (const edge of opened.node?.edges.toReversed() ?? []) {
      stack.push({ ...edge, parent: opened });
    }
  }
}

/** What a visit opens, as what it was reached from sees it; undefined for a leaf. */
export function kindOfVisit({ target, role }: Visit): NodeKind | undefined {
  return role === "root" || leadsToNode({ target, role }) ? kindOf(target.mediaType) : undefined;
}

async function open(
  store: Store,
  visit: Visit,
  sparse: boolean | undefined,
  onBroken: WalkOptions["onBroken"],
): Promise<Visit> {
  while (true) {
    try {
      return { ...visit, node: (await readVisit(store, visit)).node };
    } catch (error) {
      if (!isOciError(error)) throw error;
      if (error.code === "not_found" && (sparse ?? await isSparse(store))) {
        return { ...visit, missing: true };
      }
      if (onBroken === undefined) throw error;
      if (!await onBroken(visit, error)) return visit;
    }
  }
}

/** A manifest or index and its bytes; errors tell the path from the root. */
export async function readVisit(
  store: Store,
  visit: Visit,
): Promise<{ readonly node: Node; readonly bytes: Uint8Array }> {
  const { target } = visit;
  try {
    const bytes = await readAll(store, target, { limit: store.limits.manifest });
    return { bytes, node: nodeOf(store, target, bytes) };
  } catch (error) {
    if (!isOciError(error)) throw error;
    throw new OciError(error.code, `${error.message} (${pathOf(visit).join(" > ")})`, {
      url: placeOf(store),
      digest: target.digest,
      cause: error,
    });
  }
}

/** How a visit was reached: the name of its root, then the place in each parent. */
export function pathOf(visit: Visit): string[] {
  const path: string[] = [];
  for (let at: Visit | undefined = visit; at; at = at.parent) {
    const parent: Visit | undefined = at.parent;
    const nth = parent?.node?.edges.filter(({ role }) => role === at?.role)
      .findIndex(({ target }) => target === at?.target);
    path.unshift(
      parent === undefined
        ? nameOf(at.target) ?? at.target.digest
        : at.role === "config"
        ? "config"
        : `${at.role} ${(nth ?? 0) + 1}`,
    );
  }
  return path;
}

/** The manifests and indexes reachable from the index that have `digest` as a child or subject. */
export async function predecessors(
  store: Store,
  index: ImageIndex,
  digest: Digest,
): Promise<Descriptor[]> {
  const found = new Map<Digest, Descriptor>();
  for await (const { target, node } of walkGraph(store, usable(index), { sparse: true })) {
    const points = node?.subject?.digest === digest ||
      node?.edges.some((edge) => edge.target.digest === digest);
    if (points) found.set(target.digest, target);
  }
  return [...found.values()];
}
