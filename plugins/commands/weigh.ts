import {
  type Descriptor,
  type Digest,
  isDigestTag,
  isOciError,
  listedReferrers,
  nameOf,
  readNode,
  type Store,
  type Tie,
  usable,
  type Visit,
  walkGraph,
} from "../../core/mod.ts";

/** A referrer that nothing lists is looked for in blobs of up to this size. */
const SMALL = 64 << 10;

/** What is stored, and what keeps what alive: one number per blob, so that a large layout fits into memory. */
export interface Weights {
  /** The entries that keep themselves, with the number of their digest. */
  readonly roots: readonly { readonly entry: Descriptor; readonly node: number }[];
  /** The number of a blob that is reached or stored. */
  numberOf(digest: Digest): number | undefined;
  /** Bytes stored of that number; 0 if it is missing. */
  readonly sizes: readonly number[];
  /** The numbers that go with a number. */
  readonly links: readonly (readonly number[])[];
  /** What lives, though no root reaches it: it refers to what is not stored here, or nobody can tell. */
  readonly strays: readonly number[];
}

/**
 * Weighs a layout: manifests are read, blobs are only listed. A referrer without a name of its own goes with its
 * subject; what has a name keeps its subject.
 */
export async function weigh(store: Store): Promise<Weights> {
  const index = await store.root.load();
  const numbers = new Map<Digest, number>();
  const sizes: number[] = [];
  const links: number[][] = [];
  const number = (digest: Digest) => {
    const known = numbers.get(digest);
    if (known !== undefined) return known;
    numbers.set(digest, sizes.length);
    links.push([]);
    return sizes.push(0) - 1;
  };
  const link = (from: Digest, to: Digest) => void links[number(from)]?.push(number(to));

  const opened = new Set<Digest>();

  /** Links all that the roots reach, and what that refers to. */
  const reach = async (roots: readonly Descriptor[]) => {
    for (let next = roots; next.length > 0;) {
      const subjects: Descriptor[] = [];
      const prune = ({ target }: Visit) => opened.has(target.digest);
      const walk = walkGraph(store, next, { sparse: true, prune, onBroken: () => false });
      for await (const { target, node } of walk) {
        number(target.digest);
        if (!node) continue;
        opened.add(target.digest);
        for (const edge of node.edges) link(target.digest, edge.target.digest);
        if (!node.subject) continue;
        link(target.digest, node.subject.digest);
        subjects.push(node.subject);
      }
      next = subjects.filter(({ digest }) => !opened.has(digest));
    }
  };
  await reach(usable(index));
  const reached = sizes.length;
  const weak = new Map<Descriptor, Digest>();
  for await (const tie of listedReferrers(store, index)) {
    if (isWeak(tie)) weak.set(tie.entry, tie.subject as Digest);
  }
  const unlisted: Descriptor[] = [];
  const foreign: number[] = [];
  for await (const { digest, size } of store.backend.blobs.list()) {
    const at = number(digest);
    sizes[at] = size;
    if (!/^sha(256|512):/.test(digest)) foreign.push(at);
    if (at < reached || size > SMALL) continue;
    const found = await referrerOf(store, { digest, size });
    if (found) unlisted.push(found.entry), weak.set(found.entry, found.subject);
  }
  await reach(unlisted);
  for (const [entry, subject] of weak) link(subject, entry.digest);
  const isStored = (digest: Digest) => (sizes[number(digest)] ?? 0) > 0;
  const roots = usable(index).filter((entry) => !weak.has(entry));
  const orphans = [...weak].filter(([, subject]) => !isStored(subject));
  return {
    roots: roots.map((entry) => ({ entry, node: number(entry.digest) })),
    numberOf: (digest) => numbers.get(digest),
    sizes,
    links,
    strays: [...foreign, ...orphans.map(([{ digest }]) => number(digest))],
  };
}

/** Whether an entry lives and dies with its subject. */
function isWeak({ entry }: Tie): boolean {
  const name = nameOf(entry);
  return name === undefined || isDigestTag(name);
}

/** A stored manifest that nothing lists and that refers to another one. */
async function referrerOf(
  store: Store,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
): Promise<{ entry: Descriptor; subject: Digest } | undefined> {
  try {
    const { mediaType, subject } = await readNode(store, { digest, size });
    return subject && { entry: { mediaType, digest, size }, subject: subject.digest };
  } catch (error) {
    if (isOciError(error)) return undefined;
    throw error;
  }
}

/** The numbers that these roots keep alive, and what lives without any. */
export function aliveFrom({ links, strays }: Weights, roots: Weights["roots"]): Set<number> {
  const alive = new Set<number>();
  const stack = [...strays, ...roots.map(({ node }) => node)];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (alive.has(node)) continue;
    alive.add(node);
    for (const next of links[node] ?? []) stack.push(next);
  }
  return alive;
}

/** The bytes that are stored of some numbers. */
export function bytesOf({ sizes }: Weights, nodes: Iterable<number>): number {
  let sum = 0;
  for (const node of nodes) sum += sizes[node] ?? 0;
  return sum;
}
