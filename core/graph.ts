import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import { type ImageIndex, usable } from "./image_index.ts";
import { type Edge, isExternal, kindOf, leadsToNode, type Node, UNKNOWN_SIZE } from "./manifest.ts";
import { nameOf } from "./names.ts";
import { readNode } from "./read.ts";
import { placeOf, type Store } from "./store.ts";

/** A node or leaf that a walk has come to. */
export interface Visit {
  /** As its parent, or the index, describes it. */
  readonly target: Descriptor;
  /** Where it stands in its parent; a root stands in the index. */
  readonly role: Edge["role"] | "root" | "referrer";
  /** What it was reached from. */
  readonly parent?: Visit;
  /** What it says, if it is a manifest or index that is stored. */
  readonly node?: Node;
  /** A node that is not stored, in a layout that may be sparse. */
  readonly missing?: boolean;
}

/** How a graph is walked. */
export interface WalkOptions {
  /** Go on where a node is not stored. */
  readonly sparse?: boolean;
  /** A node for which this answers true is not opened. */
  readonly prune?: (target: Descriptor) => boolean;
}

/**
 * Visits what the roots reach by their children, parents first, each digest once as node and once as leaf.
 *
 * @throws {OciError} `not_found` for a node that is not stored, unless sparse; `corrupt` and `size_exceeded` with the
 * path from the root.
 */
export async function* walkGraph(
  store: Store,
  roots: Iterable<Descriptor>,
  { sparse = store.sparse, prune }: WalkOptions = {},
): AsyncGenerator<Visit> {
  const seen = new Set<string>();
  const queue: Visit[] = [];
  for (const target of roots) queue.push({ target, role: "root" });
  for (let at = 0; at < queue.length; at++) {
    const visit = queue[at] as Visit;
    delete queue[at];
    const { target } = visit;
    const opens = visit.role === "root" ? kindOf(target.mediaType) !== undefined : opensNode(visit);
    const key = `${opens ? "node" : "leaf"} ${target.digest}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (!opens || prune?.(target)) {
      yield visit;
      continue;
    }
    const node = await open(store, visit, sparse);
    const opened: Visit = node ? { ...visit, node } : { ...visit, missing: true };
    yield opened;
    for (const edge of node?.edges ?? []) queue.push({ ...edge, parent: opened });
  }
}

function opensNode({ target, role }: Visit): boolean {
  return role !== "referrer" && leadsToNode({ target, role: role as Edge["role"] });
}

async function open(store: Store, visit: Visit, sparse: boolean): Promise<Node | undefined> {
  try {
    return await readNode(store, visit.target);
  } catch (error) {
    if (!isOciError(error)) throw error;
    if (error.code === "not_found" && sparse) return undefined;
    throw new OciError(error.code, `${error.message} (${pathOf(visit).join(" > ")})`, {
      url: placeOf(store),
      digest: visit.target.digest,
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

/**
 * Makes sure, in the epoch last read, that all a descriptor reaches is stored with the size its parent states.
 * What `known` answers true for is in place with all below it.
 *
 * @throws {OciError} `not_found` naming the first few that are missing; `invalid` if the size of the root is wrong.
 */
export async function checkClosure(
  store: Store,
  root: Descriptor,
  known: (digest: Digest) => boolean,
): Promise<void> {
  const { epoch } = store.root;
  const missing: string[] = [];
  const ensure = async (visit: Visit) => {
    const { target } = visit;
    const size = await store.stamps.ensure(target.digest, epoch);
    if (visit.role === "root" && size !== undefined && size !== target.size) {
      throw new OciError(
        "invalid",
        `Cannot list ${target.digest}: it has ${size} bytes, not ${target.size}`,
        { url: placeOf(store), digest: target.digest },
      );
    }
    const right = size === target.size || (size !== undefined && target.size === UNKNOWN_SIZE);
    if (!right && !isExternal(target)) missing.push(`${target.digest} (${pathOf(visit).join(" > ")})`);
  };
  let batch: Promise<void>[] = [];
  const prune = (target: Descriptor) => target !== root && known(target.digest);
  for await (const visit of walkGraph(store, [root], { sparse: true, prune })) {
    if (prune(visit.target)) continue;
    batch.push(ensure(visit));
    if (batch.length >= 64) batch = (await Promise.all(batch), []);
  }
  await Promise.all(batch);
  if (missing.length === 0) return;
  const more = missing.length > 3 ? ` and ${missing.length - 3} more` : "";
  throw new OciError(
    "not_found",
    `Cannot list ${root.digest}: not stored: ${missing.slice(0, 3).join(", ")}${more}`,
    { url: placeOf(store), digest: root.digest },
  );
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
