import type { Descriptor, Platform } from "./descriptor.ts";
import { type Digest, digestOf } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import type { Meter } from "./events.ts";
import { createGate } from "./gate.ts";
import { type Edge, isExternal, type Node } from "./manifest.ts";
import { kindOfVisit, readVisit, type Visit } from "./graph.ts";
import type { ImageIndex } from "./image_index.ts";
import { selectChildren } from "./platform_index.ts";
import { at } from "./side.ts";
import { placeOf, type Store } from "./store.ts";
import { createTransfer } from "./transfer.ts";

/** How a graph is moved. */
export interface MoveOptions {
  /** Check what the target lists: by size, or by hash; default: what is listed is in place with all below it. */
  readonly deep?: boolean | "verify";
  /** Leave out what is missing, or not wanted, and declare the target sparse. */
  readonly sparse?: boolean;
  /** Also layers that may be had elsewhere. */
  readonly includeExternal?: boolean;
  /** Blobs at once; default 4. */
  readonly jobs?: number;
  /** What it declines is left out; needs `sparse` if something goes missing by it. */
  readonly filter?: (node: Descriptor) => boolean | Promise<boolean>;
  /** Told of each blob that is in place. What it throws stops the copy. */
  readonly onNode?: (node: Descriptor) => void | Promise<void>;
}

/** Moves graphs from one layout to another: children before parents, a digest once. */
export interface Mover {
  /** Brings nodes and leaves with all below them. */
  bring(...targets: readonly Descriptor[]): Promise<void>;
  /** Brings the children of an index that run on these platforms, and the index: a new one, or itself if sparse. */
  bringPlatforms(root: Descriptor, platforms: readonly Platform[]): Promise<Descriptor>;
  /** The manifests and indexes that are in place. */
  readonly nodes: ReadonlySet<Digest>;
  /** What was left out by choice. */
  readonly leftOut: ReadonlySet<Digest>;
  /** What was not there to be brought. */
  readonly missing: ReadonlySet<Digest>;
}

/** A mover between two layouts; `target` is what the second one lists. */
export function createMover(
  from: Store,
  to: Store,
  target: ImageIndex,
  meter: Meter,
  options: MoveOptions,
): Mover {
  const { deep = false, sparse = false, includeExternal = false, filter, onNode } = options;
  const gate = createGate(options.jobs ?? 4);
  const source = stopping(from, gate.signal);
  const transfer = createTransfer(source, stopping(to, gate.signal), meter, {
    hash: deep === "verify",
    // What is listed already is not brought again, unless it is looked into.
    later: deep ? undefined : from,
  });
  const samePlace = from.backend.url.href === to.backend.url.href;
  const listed = new Set(deep ? [] : target.manifests.map((entry) => entry?.digest));
  const brought = new Map<string, Promise<void>>();
  const nodes = new Set<Digest>();
  const leftOut = new Set<Digest>();
  const missing = new Set<Digest>();

  /** Brings what was visited, once for each kind it is visited as. */
  function once(visit: Visit): Promise<void> {
    const kind = kindOfVisit(visit);
    const key = `${kind} ${visit.target.digest}`;
    const known = brought.get(key);
    if (known) return known;
    const done = bring(visit, kind !== undefined);
    brought.set(key, done);
    void done.catch(gate.fail);
    return done;
  }

  async function bring(visit: Visit, opens: boolean): Promise<void> {
    const { target } = visit;
    if (filter && !await filter(target)) return decline(target);
    try {
      await (opens ? bringNode(visit) : bringLeaf(target));
    } catch (error) {
      const gone = isOciError(error, "not_found") && error.url === placeOf(from);
      if (!gone || error.digest !== target.digest) throw error;
      if (isExternal(target)) return void leftOut.add(target.digest);
      if (!sparse) throw error;
      missing.add(target.digest);
    }
  }

  /** Leaves out what is not wanted; that is no harm where the target has it. */
  async function decline({ digest }: Descriptor): Promise<void> {
    leftOut.add(digest);
    if (sparse || await at(to, digest, () => to.backend.blobs.stat(digest))) return;
    throw new OciError(
      "not_found",
      `Cannot leave out ${digest}: what points at it would be incomplete`,
      { url: placeOf(to), digest },
    );
  }

  async function bringNode(visit: Visit): Promise<void> {
    const { target } = visit;
    if (samePlace || listed.has(target.digest)) transfer.skip(target);
    else {
      const { node, bytes } = await gate.pass(() => readVisit(source, visit));
      await bringEdges(visit, node, node.edges);
      await gate.pass(async () => await transfer.skips(target) || transfer.store(target, bytes));
    }
    nodes.add(target.digest);
    await onNode?.(target);
  }

  async function bringEdges(visit: Visit, node: Node, edges: readonly Edge[]): Promise<void> {
    await gate.all(edges.map((edge) => once({ ...edge, parent: { ...visit, node } })));
  }

  async function bringLeaf(target: Descriptor): Promise<void> {
    const wanted = includeExternal || !isExternal(target);
    const there = await gate.pass(async () => {
      if (samePlace) transfer.skip(target);
      else if (!await transfer.skips(target)) {
        if (wanted) await transfer.bring(target);
        return wanted;
      }
      return true;
    });
    if (there) await onNode?.(target);
    else leftOut.add(target.digest);
  }

  return {
    nodes,
    leftOut,
    missing,
    bring: (...targets) => gate.all(targets.map((target) => once({ target, role: "root" }))),

    async bringPlatforms(root, platforms) {
      const visit: Visit = { target: root, role: "root" };
      const { node, bytes } = await gate.pass(() => readVisit(source, visit));
      const chosen = await at(
        from,
        root.digest,
        () => selectChildren(node, platforms, root.digest),
      );
      await bringEdges(visit, node, chosen.edges);
      for (const digest of chosen.leftOut) leftOut.add(digest);
      const whole = sparse || chosen.leftOut.length === 0;
      const kept = whole ? bytes : chosen.bytes;
      const { data: _, ...rest } = root;
      const index = whole
        ? root
        : { ...rest, digest: digestOf(kept), size: kept.length } as Descriptor;
      await gate.pass(async () => await transfer.skips(index) || transfer.store(index, kept));
      nodes.add(index.digest);
      await onNode?.(index);
      return index;
    },
  };
}

/** The same store, which stops when either its own signal fires or this one. */
function stopping(store: Store, signal: AbortSignal): Store {
  return { ...store, signal: AbortSignal.any([signal, ...store.signal ? [store.signal] : []]) };
}
