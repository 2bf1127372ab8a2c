import type { BlobInfo } from "./backend.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { pathOf } from "./graph.ts";
import type { ImageIndex } from "./image_index.ts";
import { isUsable, usable } from "./index_entries.ts";
import { kindOf } from "./manifest.ts";
import { isDigestTag, nameOf } from "./names.ts";
import { type Reach, reachAlive, reachBelow } from "./reach.ts";
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
  /** Why not: something that stays needs the blob, or a named referrer loses its subject. */
  readonly objections: readonly string[];
}

/** The entries of an index, and what they refer to. */
interface Entries {
  readonly own: readonly Descriptor[];
  readonly others: readonly Descriptor[];
  subjectsOf(entry: Descriptor): readonly Digest[];
}

/**
 * Plans the deletion of a stored blob: its entries go; with `cascade` also its weak referrers and the untagged entries
 * below it, theirs in turn, and the blobs under all these. What something that stays keeps alive, stays.
 */
export async function planDeletion(
  store: Store,
  index: ImageIndex,
  blob: BlobInfo,
  { cascade = true, referrers = "untagged" }: CascadeOptions,
): Promise<DeletePlan> {
  const { digest } = blob;
  const entries = await entriesOf(store, index, digest);
  const below = reachBelow(store);
  const candidates = new Set<Descriptor>();
  if (cascade) {
    const own = entries.own.filter(isUsable);
    const roots = own.length > 0 ? own : [await resolve(store, index, digest)];
    await draw(below, roots, entries, candidates, (entry) => goesAlong(entry, referrers));
  }
  const alive = reachAlive(store, index);
  const isGone = (one: Digest) =>
    one === digest || (below.visits.has(one) && !alive.visits.has(one));
  await keep(alive, entries, candidates, isGone);
  const bereft = entries.others.filter((entry) =>
    referrers !== "keep" && isNamed(entry) && !candidates.has(entry) &&
    entries.subjectsOf(entry).some(isGone)
  );
  return {
    entries: index.manifests.filter((entry) =>
      entries.own.includes(entry) || candidates.has(entry)
    ),
    blobs: await copiesOf(store, blob, below, isGone),
    objections: [
      ...needOf(alive, digest),
      ...bereft.map((entry) => `${JSON.stringify(nameOf(entry))} refers to what goes`),
    ],
  };
}

async function entriesOf(store: Store, index: ImageIndex, digest: Digest): Promise<Entries> {
  const subjects = Map.groupBy(
    await Array.fromAsync(listedReferrers(store, index)),
    ({ entry }) => entry,
  );
  return {
    own: index.manifests.filter((entry) => entry?.digest === digest),
    others: usable(index).filter((entry) => entry.digest !== digest),
    subjectsOf: (entry) => (subjects.get(entry) ?? []).map(({ subject }) => subject as Digest),
  };
}

/** Whether an entry has a name of its own; a digest tag belongs to its subject. */
function isNamed(entry: Descriptor): boolean {
  const name = nameOf(entry);
  return name !== undefined && !isDigestTag(name);
}

function goesAlong(referrer: Descriptor, which: "untagged" | "all" | "keep"): boolean {
  return which === "all" || (which === "untagged" && !isNamed(referrer));
}

/** Adds the entries that depend on what goes, round by round: referrers that go along, and untagged entries below. */
async function draw(
  below: Reach,
  roots: readonly Descriptor[],
  { others, subjectsOf }: Entries,
  candidates: Set<Descriptor>,
  goes: (referrer: Descriptor) => boolean,
): Promise<void> {
  const isDrawn = (entry: Descriptor) =>
    subjectsOf(entry).some((subject) => below.visits.has(subject))
      ? goes(entry)
      : nameOf(entry) === undefined && below.visits.has(entry.digest);
  for (let next = roots; next.length > 0;) {
    await below.add(next);
    next = others.filter((entry) => !candidates.has(entry) && isDrawn(entry));
    for (const entry of next) candidates.add(entry);
  }
}

/** Takes back the candidates that something alive keeps, round by round: as a child, or by a subject that stays. */
async function keep(
  alive: Reach,
  { others, subjectsOf }: Entries,
  candidates: Set<Descriptor>,
  isGone: (digest: Digest) => boolean,
): Promise<void> {
  const stays = (entry: Descriptor) => {
    const subjects = subjectsOf(entry);
    return alive.visits.has(entry.digest) || (subjects.length > 0 && !subjects.some(isGone));
  };
  for (let next = others.filter((entry) => !candidates.has(entry)); next.length > 0;) {
    await alive.add(next);
    next = [...candidates].filter(stays);
    for (const entry of next) candidates.delete(entry);
  }
}

/** What keeps a digest alive, in words. */
function needOf({ visits, ties }: Reach, digest: Digest): string[] {
  const visit = visits.get(digest);
  if (!visit) return [];
  const tie = ties.get(digest);
  if (visit.parent || !tie) {
    return [`${visit.parent?.target.digest ?? digest} needs it: ${pathOf(visit).join(" > ")}`];
  }
  return [`${tie.target.digest} needs it: ${pathOf(tie).join(" > ")}`];
}

/** The copies that go: an interrupted removal leaves no manifest without what it holds. */
async function copiesOf(
  store: Store,
  blob: BlobInfo,
  { visits }: Reach,
  isGone: (digest: Digest) => boolean,
): Promise<BlobInfo[]> {
  const { digest } = blob;
  const gone = [...visits.values()].map(({ target }) => target).filter((one) => isGone(one.digest));
  const isNode = ({ mediaType }: Descriptor) => kindOf(mediaType) !== undefined;
  const ordered = [...gone.filter(isNode), ...gone.filter((one) => !isNode(one))];
  const others = ordered.map((one) => one.digest).filter((one) => one !== digest);
  const copies = await Promise.all(others.map((one) => store.backend.blobs.stat(one)));
  return [blob, ...copies.filter((copy) => copy !== undefined)];
}
