import type { BlobInfo } from "./backend.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { isOciError } from "./errors.ts";
import { kindOfVisit, type Visit, walkGraph } from "./graph.ts";
import { type ImageIndex, isUsable, usable } from "./image_index.ts";
import { isDigestTag, nameOf } from "./names.ts";
import { listedReferrers } from "./referrers.ts";
import { resolve } from "./resolve.ts";
import type { Store } from "./store.ts";

/** What goes along with a blob. */
export interface CascadeOptions {
  /** Also its untagged referrers, and all below it that nothing else keeps; default true. */
  readonly cascade?: boolean;
  /** Which referrers go along: untagged ones (a named one refuses), all, or none; default `untagged`. */
  readonly referrers?: "untagged" | "all" | "keep";
}

/** What a deletion will do, and why it should not. */
export interface DeletePlan {
  /** The entries that leave the index. */
  readonly entries: readonly Descriptor[];
  /** The copies that go, manifests before what they hold. */
  readonly blobs: readonly BlobInfo[];
  /** Where something that stays needs the blob. */
  readonly needed?: Visit;
  /** Named referrers whose subject goes. */
  readonly bereft: readonly Descriptor[];
}

/** What is reached from some entries, added bit by bit; nothing is opened twice. */
interface Reach {
  readonly visits: ReadonlyMap<Digest, Visit>;
  add(entries: readonly Descriptor[]): Promise<void>;
}

/** Starts from nothing. What cannot be read stops it, or else (`lenient`) reaches nothing. */
function createReach(store: Store, lenient: boolean): Reach {
  const visits = new Map<Digest, Visit>();
  const opened = new Set<string>();
  const keyOf = (visit: Visit) => `${kindOfVisit(visit)} ${visit.target.digest}`;
  return {
    visits,
    async add(entries) {
      const walk = walkGraph(store, entries, {
        sparse: true,
        prune: (visit) => opened.has(keyOf(visit)),
        onBroken: (_, error) => {
          if (lenient && isOciError(error, "corrupt", "size_exceeded")) return false;
          throw error;
        },
      });
      for await (const visit of walk) {
        if (visit.node) opened.add(keyOf(visit));
        if (visit.node || !visits.has(visit.target.digest)) visits.set(visit.target.digest, visit);
      }
    },
  };
}

/**
 * Plans the deletion of a stored blob: its entries go; with `cascade` also its weak referrers and the untagged entries
 * below it, theirs in turn, and the blobs under all these. What an entry that stays reaches, stays.
 */
export async function planDeletion(
  store: Store,
  index: ImageIndex,
  blob: BlobInfo,
  { cascade = true, referrers = "untagged" }: CascadeOptions,
): Promise<DeletePlan> {
  const { digest } = blob;
  const own = index.manifests.filter((entry) => entry?.digest === digest);
  const others = usable(index).filter((entry) => entry.digest !== digest);
  const subjects = Map.groupBy(
    await Array.fromAsync(listedReferrers(store, index)),
    ({ entry }) => entry,
  );
  const subjectsOf = (entry: Descriptor) =>
    (subjects.get(entry) ?? []).map(({ subject }) => subject as Digest);
  const isNamed = (entry: Descriptor) => {
    const name = nameOf(entry);
    return name !== undefined && !isDigestTag(name);
  };

  const below = createReach(store, true);
  const candidates = new Set<Descriptor>();
  const isDrawn = (entry: Descriptor) => {
    const refers = subjectsOf(entry).some((subject) => below.visits.has(subject));
    if (refers) return referrers === "all" || (referrers === "untagged" && !isNamed(entry));
    return nameOf(entry) === undefined && below.visits.has(entry.digest);
  };
  if (cascade) {
    const roots = own.filter(isUsable);
    let next = roots.length > 0 ? roots : [await resolve(store, index, digest)];
    while (next.length > 0) {
      await below.add(next);
      next = others.filter((entry) => !candidates.has(entry) && isDrawn(entry));
      for (const entry of next) candidates.add(entry);
    }
  }

  const needed = createReach(store, false);
  const isGone = (one: Digest) =>
    one === digest || (below.visits.has(one) && !needed.visits.has(one));
  const stays = (entry: Descriptor) => {
    if (needed.visits.has(entry.digest)) return true;
    const ties = subjectsOf(entry);
    return ties.length > 0 && !ties.some(isGone);
  };
  let kept = others.filter((entry) => !candidates.has(entry));
  while (kept.length > 0) {
    await needed.add(kept);
    kept = [...candidates].filter(stays);
    for (const entry of kept) candidates.delete(entry);
  }

  const gone = [...below.visits.values()].filter(({ target }) => isGone(target.digest));
  // An interrupted removal leaves no manifest without what it holds.
  const ordered = [...gone.filter(({ node }) => node), ...gone.filter(({ node }) => !node)];
  const digests = new Set([digest, ...ordered.map(({ target }) => target.digest)]);
  const copies = await Promise.all(
    [...digests].map((one) => one === digest ? blob : store.backend.blobs.stat(one)),
  );
  const parent = needed.visits.get(digest);
  return {
    entries: index.manifests.filter((entry) => own.includes(entry) || candidates.has(entry)),
    blobs: copies.filter((copy) => copy !== undefined),
    bereft: referrers === "keep"
      ? []
      : others.filter((entry) =>
        !candidates.has(entry) && isNamed(entry) && subjectsOf(entry).some(isGone)
      ),
    ...(parent ? { needed: parent } : {}),
  };
}
