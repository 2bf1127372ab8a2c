// Changes of an index, as pure functions.
import { annotated, canonical, type Descriptor, TAGGED } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { type ImageIndex, rowsBehind, withRows } from "./image_index.ts";
import { entriesOf, isUsable, listed, named } from "./index_entries.ts";
import { sameJson } from "./json.ts";
import { nameless, nameOf, spelling } from "./names.ts";
import type { EntriesEdit } from "./rows.ts";

/** Up to so many changes are made to the text of rows; more are made at once to all entries. */
const FEW = 64;

/** The index after an edit of its entries; itself if nothing changes. */
export function change(index: ImageIndex, edit: EntriesEdit): ImageIndex {
  const { replace = new Map<Descriptor, undefined>(), add = [] } = edit;
  if (replace.size === 0 && add.length === 0) return index;
  const rows = rowsBehind(index);
  if (rows && rows.changes + replace.size + add.length <= FEW) {
    return withRows(index, rows.edited(edit));
  }
  const left = new Set<Descriptor>();
  const kept = index.manifests.flatMap((entry) => {
    if (!replace.has(entry)) return [entry];
    const instead = left.has(entry) ? undefined : replace.get(entry);
    left.add(entry);
    return instead === undefined ? [] : [instead];
  });
  return { ...index, manifests: [...kept, ...add] };
}

/** The index without some of its entries. */
export function without(index: ImageIndex, leaving: readonly Descriptor[]): ImageIndex {
  return change(index, { replace: new Map(leaving.map((entry) => [entry, undefined])) });
}

/** The usable entries that an index has and an earlier one had not. */
export function added(before: ImageIndex, after: ImageIndex): readonly Descriptor[] {
  const [earlier, rows] = [rowsBehind(before), rowsBehind(after)];
  const since = earlier && rows?.addedSince(earlier);
  if (since) return since.filter(isUsable);
  const former = new Set(before.manifests);
  return after.manifests.filter((entry) => !former.has(entry)).filter(isUsable);
}

/** Whether two indexes list the same entries, in the same order. */
export function listsSame(one: ImageIndex, other: ImageIndex): boolean {
  if (one === other) return true;
  const [rows, others] = [rowsBehind(one), rowsBehind(other)];
  if (rows && others) return rows.text === others.text;
  return one.manifests.length === other.manifests.length &&
    one.manifests.every((entry, at) => entry === other.manifests[at]);
}

/** How a name is set or dropped. */
export interface KeepOptions {
  /** Keep the entry that loses its name, without one. */
  readonly keepPrevious?: boolean;
}

/** The entry that `name` will have: the descriptor under that name, its time kept while the digest stays. */
export function entryFor(
  index: ImageIndex,
  name: string,
  descriptor: Descriptor,
  tagged: string,
): Descriptor {
  const [former] = named(index, name);
  const since = former?.digest === descriptor.digest ? former.annotations?.[TAGGED] : undefined;
  const time = typeof since === "string" ? since : tagged;
  return canonical(annotated(descriptor, { ...spelling(name, former), [TAGGED]: time }));
}

/** Sets an entry under its name: every former entry of that name leaves, the new one goes last. */
export function withReference(
  index: ImageIndex,
  entry: Descriptor,
  options: KeepOptions = {},
): ImageIndex {
  const former = named(index, nameOf(entry) ?? "");
  if (former.length === 1 && sameJson(former[0], entry)) return index;
  const rest = leave(index, former, options, entry.digest);
  for (const other of listed(index, entry.digest)) {
    if (nameOf(other) === undefined && saysAll(entry, other)) rest.set(other, undefined);
  }
  return change(index, { replace: rest, add: [entry] });
}

/** Drops every entry of a name. */
export function withoutReference(
  index: ImageIndex,
  name: string,
  options: KeepOptions = {},
): ImageIndex {
  return change(index, { replace: leave(index, named(index, name), options) });
}

/** Lists an entry without a name, once. */
export function insert(index: ImageIndex, entry: Descriptor): ImageIndex {
  const bare = canonical(annotated(entry, nameless));
  const present = listed(index, bare.digest).some((other) => saysAll(other, bare));
  return present ? index : change(index, { add: [bare] });
}

/** Drops every entry of a digest, named or not. */
export function remove(index: ImageIndex, digest: Digest): ImageIndex {
  return without(index, listed(index, digest));
}

/** Whether all that `other` says, its name aside, `entry` says too. */
function saysAll(entry: Descriptor, other: Descriptor): boolean {
  if (other?.digest !== entry.digest || !isUsable(other)) return false;
  const { annotations = {}, ...members } = other;
  return Object.entries(members).every(([name, value]) => sameJson(value, entry[name])) &&
    Object.entries(annotations).every(([name, value]) =>
      name === TAGGED || entry.annotations?.[name] === value
    );
}

/** What becomes of entries that lose their name: what is left of one stays if its digest is listed nowhere else. */
function leave(
  index: ImageIndex,
  leaving: readonly Descriptor[],
  { keepPrevious = false }: KeepOptions,
  set?: Digest,
): Map<Descriptor, Descriptor | undefined> {
  const leaves = new Set(leaving);
  const kept = new Set([set]);
  const isListed = (digest: Digest) =>
    kept.has(digest) || entriesOf(index, digest).some((other) => !leaves.has(other));
  return new Map([...leaves].map((entry) => {
    if (!keepPrevious || isListed(entry.digest)) return [entry, undefined];
    if (isUsable(entry)) kept.add(entry.digest);
    return [entry, annotated(entry, { ...nameless, [TAGGED]: null })];
  }));
}
