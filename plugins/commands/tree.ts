import {
  type CommandContext,
  defineBody,
  type Descriptor,
  type Digest,
  type Edge,
  isOciError,
  kindOf,
  leadsToNode,
  listedReferrers,
  messageOf,
  nameOf,
  type Node,
  printPlatform,
  readNode,
  type Store,
  type Tie,
  usable,
} from "../../core/mod.ts";
import { type Entry, entryOf } from "./entry.ts";
import { find, nameIn } from "./find.ts";
import { bytes } from "./text.ts";

const TITLE = "org.opencontainers.image.title";
const flags = {
  "depth": { type: "count", help: "so many steps below the roots" },
  "referrers": { type: "switch", help: "what refers to each manifest, too" },
  "layers": { type: "switch", help: "leave the layers out", default: "true" },
} as const;

/** Something in the graph. */
interface TreeNode {
  readonly entry: Entry;
  readonly role: Edge["role"] | "referrer";
  readonly present: boolean;
  /** It was drawn before, with all below it. */
  readonly seen?: true;
  /** Why it cannot be read, though it is there. */
  readonly problem?: string;
  readonly children: readonly TreeNode[];
}

/** `stowage tree`. */
export default defineBody({
  usage: "PLACE[:ref]",
  details:
    "What the entries of a layout, or one of them, consist of. What is not stored is marked.",
  flags,
  examples: ["stowage tree ./store", "stowage tree --referrers --no-layers ./store:v1"],
  names: ["reads"],
  positionals: [1, 1],
  async run(context) {
    const { terminal, positionals: [text = ""] } = context;
    const reference = context.reference(text);
    await using layout = await context.open(reference.place, "read");
    const grow = await grower(layout.store, context.flags);
    const roots: TreeNode[] = [];
    const only = nameIn(reference) === undefined
      ? undefined
      : await find(context, layout, reference);
    for (
      const { entry, names, late } of only ? [rootOf(only)] : await rootsOf(layout.store, grow)
    ) {
      if (!late || !grow.drawn.has(entry.digest)) roots.push(await grow.root(entry, names));
    }
    const lines = roots.flatMap((root) => [...draw(root, terminal.unicode)]);
    const place = context.print({ place: reference.place });
    await context.result({ schema: "stowage.tree/1", place, data: { roots }, lines });
  },
});

function rootOf(entry: Descriptor) {
  return { entry, names: [nameOf(entry) ?? []].flat(), late: false };
}

/** The entries, one for each digest, with all its names; late are those that may be drawn below another. */
async function rootsOf(store: Store, { ties }: Grower) {
  const referring = new Set([...ties.values()].flat().map(({ entry }) => entry.digest));
  const roots = new Map<Digest, { entry: Descriptor; names: string[]; late: boolean }>();
  for (const entry of usable(await store.root.load())) {
    const late = referring.has(entry.digest);
    const root = roots.get(entry.digest) ?? { entry, names: [], late };
    const name = nameOf(entry);
    if (name !== undefined && !root.names.includes(name)) root.names.push(name);
    roots.set(entry.digest, root);
  }
  return [...roots.values()].sort((a, b) => Number(a.late) - Number(b.late));
}

interface Grower {
  /** What refers to each digest. */
  readonly ties: ReadonlyMap<string, readonly Tie[]>;
  /** The manifests that were drawn, and whether with what is below them. */
  readonly drawn: ReadonlyMap<Digest, boolean>;
  root(entry: Descriptor, names: readonly string[]): Promise<TreeNode>;
}

async function grower(
  store: Store,
  { depth = Infinity, referrers, layers }: CommandContext<typeof flags>["flags"],
): Promise<Grower> {
  const drawn = new Map<Digest, boolean>();
  const stored = new Map<Digest, boolean>();
  const ties = new Map<string, Tie[]>();
  if (referrers) {
    for await (const tie of listedReferrers(store, await store.root.load())) {
      ties.set(tie.subject, [...ties.get(tie.subject) ?? [], tie]);
    }
  }

  async function grow(
    target: Descriptor,
    role: TreeNode["role"],
    left: number,
    names?: readonly string[],
  ): Promise<TreeNode> {
    const { digest } = target;
    const present = stored.get(digest) ?? await store.backend.blobs.stat(digest) !== undefined;
    stored.set(digest, present);
    const opens = role === "referrer" || leadsToNode({ target, role });
    const self = { entry: entryOf(target, names), role, present };
    if (!opens || !present || kindOf(target.mediaType) === undefined) {
      return { ...self, children: [] };
    }
    if (drawn.get(digest)) return { ...self, seen: true, children: [] };
    drawn.set(digest, left > 0);
    if (left === 0) return { ...self, children: [] };
    const node = await tryRead(store, target);
    if (typeof node === "string") return { ...self, problem: node, children: [] };
    const children: TreeNode[] = [];
    for (const edge of node.edges) {
      if (layers || edge.role !== "layer") {
        children.push(await grow(edge.target, edge.role, left - 1));
      }
    }
    for (const { entry, artifactType } of ties.get(digest) ?? []) {
      const told = artifactType === undefined ? entry : { ...entry, artifactType };
      children.push(await grow(told, "referrer", left - 1));
    }
    return { ...self, children };
  }

  return { ties, drawn, root: (entry, names) => grow(entry, "manifest", depth, names) };
}

/** A manifest, or why it cannot be read. */
async function tryRead(store: Store, target: Descriptor): Promise<Node | string> {
  try {
    return await readNode(store, target);
  } catch (error) {
    if (isOciError(error, "corrupt", "size_exceeded", "not_found")) return messageOf(error);
    throw error;
  }
}

/** A graph as lines. */
function* draw(root: TreeNode, unicode: boolean): Generator<string> {
  const [fork, last, pass] = unicode ? ["├── ", "└── ", "│   "] : ["|-- ", "`-- ", "|   "];
  const stack = [{ node: root, before: "", own: "" }];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { node, before, own } = next;
    yield before + own + lineOf(node, node === root);
    const below = before + (own === "" ? "" : own === last ? "    " : pass);
    node.children.toReversed().forEach((child, at) =>
      stack.push({ node: child, before: below, own: at === 0 ? last : fork })
    );
  }
}

function lineOf({ entry, role, present, seen, problem }: TreeNode, isRoot: boolean): string {
  const { names = [], digest, size, kind, platform, artifactType, annotations, mediaType } = entry;
  return [
    ...(isRoot ? [names.join(", ") || "-", kind] : [role]),
    digest,
    ...(size < 0 ? [] : [bytes(size)]),
    platform ? printPlatform(platform) : annotations?.[TITLE] ?? artifactType ?? mediaType,
    ...(isRoot || names.length === 0 ? [] : [names.join(", ")]),
    ...(present ? [] : ["MISSING"]),
    ...(seen ? ["(seen above)"] : []),
    ...(problem === undefined ? [] : [`UNREADABLE: ${problem}`]),
  ].join("  ");
}
