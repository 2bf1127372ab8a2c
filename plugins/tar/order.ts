import {
  chunksOf,
  collect,
  type Descriptor,
  type Digest,
  isOciError,
  isUsable,
  kindOf,
  leadsToNode,
  type Node,
  parseIndex,
  parseNode,
} from "../../core/mod.ts";
import type { Body } from "./body.ts";

const LARGEST_NODE = 4 << 20;

/** What hangs from an index, as far as it is among the bodies. */
export interface Graph {
  /** Manifests and indexes, those above before those below, with what they say. */
  readonly nodes: ReadonlyMap<Digest, Node>;
  readonly configs: ReadonlySet<Digest>;
  readonly layers: ReadonlySet<Digest>;
}

/** Reads the graph below an index. What does not parse is a leaf. */
export async function graphOf(
  index: string | undefined,
  bodies: ReadonlyMap<Digest, Body>,
): Promise<Graph> {
  const nodes = new Map<Digest, Node>();
  const [configs, layers] = [new Set<Digest>(), new Set<Digest>()];
  const queue = listedIn(index);
  for (const target of queue) {
    if (nodes.has(target.digest)) continue;
    const node = kindOf(target.mediaType) && await nodeOf(target, bodies.get(target.digest));
    if (!node) {
      layers.add(target.digest);
      continue;
    }
    nodes.set(target.digest, node);
    for (const edge of node.edges) {
      if (leadsToNode(edge)) queue.push(edge.target);
      else (edge.role === "config" ? configs : layers).add(edge.target.digest);
    }
  }
  return { nodes, configs, layers };
}

/** The entries of an index that are descriptors; none if it does not parse, which others will complain of. */
export function listedIn(index: string | undefined): Descriptor[] {
  try {
    return index ? parseIndex(index).manifests.filter(isUsable) : [];
  } catch (error) {
    if (isOciError(error, "corrupt", "unsupported")) return [];
    throw error;
  }
}

async function nodeOf({ mediaType }: Descriptor, body?: Body): Promise<Node | undefined> {
  if (!body || body.size > LARGEST_NODE) return undefined;
  try {
    const chunks = chunksOf(body.bytes());
    return parseNode(await collect(chunks, LARGEST_NODE, `"${body.digest}"`), mediaType);
  } catch {
    return undefined;
  }
}

/** The one order of an archive: manifests from above, configs, layers as first seen, then what nothing needs, sorted. */
export function ordered({ nodes, configs, layers }: Graph, bodies: ReadonlyMap<Digest, Body>) {
  const rest = [...bodies.keys()].sort();
  const order = new Set([...nodes.keys(), ...configs, ...layers, ...rest]);
  return [...order].map((digest) => bodies.get(digest)).filter((body) => body !== undefined);
}
