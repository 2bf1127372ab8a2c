import {
  type Descriptor,
  type Digest,
  type Edge,
  hookEdges,
  type ImageIndex,
  isOciError,
  kindOf,
  type Node,
  OciError,
  parseNode,
  readAll,
  splitDigest,
  type Store,
} from "../../core/mod.ts";
import { thrift } from "./thrift.ts";
import { createDigestSet, type DigestSet } from "./digest_set.ts";

/** Nodes read at once. */
const AT_ONCE = 64;

/** What is reachable, grown root by root. */
export interface Mark {
  /** All that was reached. */
  readonly live: DigestSet;
  /** Its bytes, as parents state them. */
  readonly bytes: number;
  /** Nodes that are not stored: legal in a sparse layout. */
  readonly missing: readonly Digest[];
  /** Adds all that these reach: children, subjects, and what hooks tie to them. */
  add(roots: Iterable<Descriptor>): Promise<void>;
}

/**
 * Starts a mark. It fails closed: a node that is there and cannot be read, does not hash to its name or does not parse
 * ends it with that error.
 */
export function startMark(store: Store, index: ImageIndex): Mark {
  const live = createDigestSet();
  const opened = new Map<string, DigestSet>();
  const missing = new Set<Digest>();
  const edges = hookEdges(store, index);
  let bytes = 0;

  /** Notes a descriptor; those that may lead on go to the queue. */
  function reach(target: Descriptor, role: Edge["role"], queue: Descriptor[]): void {
    if (live.add(target.digest)) bytes += Math.max(0, target.size);
    if (role !== "manifest") return;
    // What was missing may have come.
    if (openedAs(target).add(target.digest) || missing.has(target.digest)) queue.push(target);
  }

  /** What was opened as that kind: here a mistake would lose what is below, so no two digests may pass for one. */
  function openedAs({ digest, mediaType }: Descriptor): DigestSet {
    const key = `${kindOf(mediaType)} ${splitDigest(digest).algorithm}`;
    let already = opened.get(key);
    if (!already) opened.set(key, already = createDigestSet(256));
    return already;
  }

  async function open(target: Descriptor, queue: Descriptor[]): Promise<void> {
    const node = await nodeOf(store, target);
    if (node === "missing") return void missing.add(target.digest);
    missing.delete(target.digest);
    for (const edge of node?.edges ?? []) reach(edge.target, edge.role, queue);
    if (node?.subject) reach(node.subject, "manifest", queue);
    for (const edge of await edges(target)) reach(edge, "manifest", queue);
  }

  return {
    live,
    get missing() {
      return [...missing];
    },
    get bytes() {
      return bytes;
    },
    async add(roots) {
      const queue: Descriptor[] = [];
      for (const root of roots) reach(root, "manifest", queue);
      await inParallel(queue, (target) => open(target, queue));
    },
  };
}

/** Works off a queue that grows meanwhile. */
async function inParallel<T>(queue: T[], work: (item: T) => Promise<void>): Promise<void> {
  while (queue.length > 0) {
    await Promise.all(queue.splice(-AT_ONCE).map(work));
    thrift();
  }
}

/** What a node says; nothing for a leaf. */
async function nodeOf(store: Store, target: Descriptor): Promise<Node | "missing" | undefined> {
  const known = kindOf(target.mediaType) !== undefined;
  if (!known && target.size > store.limits.manifest) return undefined;
  try {
    const bytes = await readAll(store, target, { limit: store.limits.manifest });
    if (!known && bytes[0] !== 0x7b) return undefined;
    return parseNode(bytes, known ? target.mediaType : undefined);
  } catch (error) {
    if (isOciError(error, "not_found")) return "missing";
    if (!known && isOciError(error, "invalid")) return undefined;
    throw unreadable(target.digest, error);
  }
}

/** The error of a manifest that cannot be read: nobody knows what it needs, so nothing may go. */
export function unreadable(digest: Digest, error: unknown): OciError {
  const [code, why] = isOciError(error)
    ? [error.code, error.message]
    : ["unavailable" as const, `${error}`];
  return new OciError(
    code === "invalid" ? "corrupt" : code,
    `Cannot collect: what "${digest}" keeps alive is not known: ${why}`,
    { digest, cause: error },
  );
}
