import {
  annotated,
  type Annotations,
  canonical,
  type Descriptor,
  descriptorSchema,
  isPlainDescriptor,
  TAGGED,
} from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { sameJson } from "./json.ts";
import { entriesNamed, nameless, nameOf, spelling } from "./names.ts";
import type { EntriesEdit, Rows } from "./rows.ts";
import { complaint } from "./schema.ts";

/** The media type of an index. */
export const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

/** The root of a layout, as it was read: unknown members, entry order, duplicates and unusable entries included. */
export interface ImageIndex {
  /** Always 2. */
  readonly schemaVersion: number;
  /** The media type of an index, where it was said. */
  readonly mediaType?: string;
  /** The entries, in order. */
  readonly manifests: readonly Descriptor[];
  /** What is said of the layout as a whole. */
  readonly annotations?: Annotations;
  /** Members of later specifications. */
  readonly [member: string]: unknown;
}

/** An index without entries. */
export const emptyIndex: ImageIndex = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [] };

const behind = new WeakMap<ImageIndex, Rows>();

/** The rows that an index was read from, if its entries are parsed only where they are asked for. */
export function rowsBehind(index: ImageIndex): Rows | undefined {
  return behind.get(index);
}

/** An index with other rows as its entries. */
export function withRows(index: ImageIndex, rows: Rows): ImageIndex {
  let all: readonly Descriptor[] | undefined;
  const manifests = { get: () => all ??= rows.all(), enumerable: true, configurable: true };
  const made: ImageIndex = Object.create(Object.prototype, {
    ...Object.getOwnPropertyDescriptors(index),
    manifests,
  });
  behind.set(made, rows);
  return made;
}

/** An index with other members beside its entries. */
export function withMembers(index: ImageIndex, members: Partial<ImageIndex>): ImageIndex {
  const rows = rowsBehind(index);
  if (!rows) return { ...index, ...members };
  const { manifests: _, ...others } = Object.getOwnPropertyDescriptors(index);
  return withRows(
    Object.create(Object.prototype, {
      ...others,
      ...Object.getOwnPropertyDescriptors(members),
    }),
    rows,
  );
}

/** An index with what the specification asks for filled in. */
export function completed(index: ImageIndex): ImageIndex {
  return withMembers(index, { schemaVersion: 2, mediaType: index.mediaType || INDEX_TYPE });
}

const verdicts = new WeakMap<object, boolean>();

/** Whether an entry is a descriptor; one that is not is kept verbatim and never resolved. */
export function isUsable(entry: unknown): entry is Descriptor {
  if (typeof entry !== "object" || entry === null) return false;
  let verdict = verdicts.get(entry);
  if (verdict === undefined) {
    verdict = isPlainDescriptor(entry) || complaint(descriptorSchema, entry) === undefined;
    verdicts.set(entry, verdict);
  }
  return verdict;
}

/** The entries that may say a string: those whose text holds it, or all. */
export function saying(index: ImageIndex, text: string, begin = '"'): readonly Descriptor[] {
  return rowsBehind(index)?.holding(begin + JSON.stringify(text).slice(1)) ?? index.manifests;
}

/** The entries that have this very name. */
export function named(index: ImageIndex, name: string): readonly Descriptor[] {
  return saying(index, name).filter((entry) => nameOf(entry) === name);
}

/** The entries that a name finds: by the first rule that finds any. */
export function found(
  index: ImageIndex,
  name: string,
  rules?: { readonly suffix?: boolean },
): readonly Descriptor[] {
  return entriesNamed(saying(index, name, ""), name, rules);
}

/** The entries of a digest, usable or not. */
export function listed(index: ImageIndex, digest: Digest): readonly Descriptor[] {
  return saying(index, digest).filter((entry) => entry?.digest === digest);
}

/** The usable entries of a digest. */
export function entriesOf(index: ImageIndex, digest: Digest): readonly Descriptor[] {
  return listed(index, digest).filter(isUsable);
}

/** The first usable entry of a digest that also passes `test`. */
export function entryOf(
  index: ImageIndex,
  digest: Digest,
  test: (entry: Descriptor) => boolean = () => true,
): Descriptor | undefined {
  return listed(index, digest).find((entry) => isUsable(entry) && test(entry));
}

/** The entries that are descriptors. */
export function usable(index: ImageIndex): readonly Descriptor[] {
  return index.manifests.filter(isUsable);
}

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
