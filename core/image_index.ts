import {
  annotated,
  type Annotations,
  canonical,
  type Descriptor,
  descriptorSchema,
  TAGGED,
} from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { messageOf, OciError } from "./errors.ts";
import { parseJson, sameJson } from "./json.ts";
import { nameless, nameOf, spelling } from "./names.ts";
import { complaint, type Schema, z } from "./schema.ts";

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

const shape = z.looseObject({
  manifests: z.optional(z.nullable(z.array(z.unknown()))),
  annotations: z.optional(z.nullable(z.record(z.string(), z.unknown()))),
}) as unknown as Schema<Partial<ImageIndex>>;

/**
 * Reads the text of `index.json`. Entries are not judged yet: see {@linkcode isUsable}.
 *
 * @throws {OciError} `corrupt`; `unsupported` for a schema version other than 2.
 */
export function parseIndex(text: string): ImageIndex {
  const value = readJson(text);
  const reason = complaint(shape, value);
  if (reason !== undefined) {
    throw new OciError("corrupt", `Cannot read "index.json" as an index: ${reason}`);
  }
  const read = value as Partial<ImageIndex>;
  const version = read.schemaVersion ?? 0;
  if (version !== 2 && version !== 0) {
    throw new OciError(
      "unsupported",
      `Cannot read "index.json": its schema version is ${
        JSON.stringify(version).slice(0, 40)
      }, not 2`,
    );
  }
  return { ...read, manifests: read.manifests ?? [] } as ImageIndex;
}

function readJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new OciError("corrupt", `${messageOf(cause)} of "index.json"`, { cause });
  }
}

/** The index with what the specification asks for filled in. */
export function completed(index: ImageIndex): ImageIndex {
  return { ...index, schemaVersion: 2, mediaType: index.mediaType || INDEX_TYPE };
}

/** The index as text: compact, and complete. */
export function printIndex(index: ImageIndex): string {
  return JSON.stringify(completed(index));
}

/**
 * A complete index as text, made from that of an earlier one: where entries were only added, what stands before them is taken
 * over as it is, which matters among thousands.
 */
export function printOnto(text: string, before: ImageIndex, index: ImageIndex): string {
  const { manifests, annotations, ...rest } = index;
  const size = before.manifests.length;
  const head = JSON.stringify({ ...rest, manifests: [] }).slice(0, -2);
  const tail = (of: ImageIndex) => `],"annotations":${JSON.stringify(of.annotations)}}`;
  const onlyAdded = size > 0 && size <= manifests.length && annotations !== undefined &&
    Object.keys(index).join() === "schemaVersion,mediaType,manifests,annotations" &&
    text.startsWith(`${head}{`) && text.endsWith(tail(before)) &&
    before.manifests.every((entry, at) => entry === manifests[at]);
  if (!onlyAdded) return JSON.stringify(index);
  const added = manifests.slice(size).map((entry) => `,${JSON.stringify(entry)}`);
  return text.slice(0, -tail(before).length) + added.join("") + tail(index);
}

const verdicts = new WeakMap<object, boolean>();

/** Whether an entry is a descriptor; one that is not is kept verbatim and never resolved. */
export function isUsable(entry: unknown): entry is Descriptor {
  if (typeof entry !== "object" || entry === null) return false;
  let verdict = verdicts.get(entry);
  if (verdict === undefined) {
    verdict = complaint(descriptorSchema, entry) === undefined;
    verdicts.set(entry, verdict);
  }
  return verdict;
}

/** The first usable entry of a digest that also passes `test`. */
export function entryOf(
  index: ImageIndex,
  digest: Digest,
  test: (entry: Descriptor) => boolean = () => true,
): Descriptor | undefined {
  return index.manifests.find((entry) =>
    entry?.digest === digest && isUsable(entry) && test(entry)
  );
}

/** The usable entries of a digest. */
export function entriesOf(index: ImageIndex, digest: Digest): readonly Descriptor[] {
  return index.manifests.filter((entry) => entry?.digest === digest && isUsable(entry));
}

/** The entries that are descriptors. */
export function usable(index: ImageIndex): readonly Descriptor[] {
  return index.manifests.filter(isUsable);
}

/** The index with other entries; itself if they are the same ones. */
export function withEntries(index: ImageIndex, manifests: readonly Descriptor[]): ImageIndex {
  const same = manifests.length === index.manifests.length &&
    manifests.every((entry, at) => entry === index.manifests[at]);
  return same ? index : { ...index, manifests };
}

/** The usable entries that an index has and an earlier one had not. */
export function added(before: ImageIndex, after: ImageIndex): readonly Descriptor[] {
  const former = new Set(before.manifests);
  return after.manifests.filter((entry) => !former.has(entry)).filter(isUsable);
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
  const former = index.manifests.find((entry) => nameOf(entry) === name);
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
  const former = entriesBy(index, nameOf(entry));
  if (former.length === 1 && sameJson(former[0], entry)) return index;
  const rest = drop(index, former, options, entry.digest)
    .filter((other) => nameOf(other) !== undefined || !saysAll(entry, other));
  return withEntries(index, [...rest, entry]);
}

/** Drops every entry of a name. */
export function withoutReference(
  index: ImageIndex,
  name: string,
  options: KeepOptions = {},
): ImageIndex {
  return withEntries(index, drop(index, entriesBy(index, name), options));
}

/** The entries that have this very name, or none. */
function entriesBy(index: ImageIndex, name: string | undefined): readonly Descriptor[] {
  return index.manifests.filter((entry) => nameOf(entry) === name);
}

/** Lists an entry without a name, once. */
export function insert(index: ImageIndex, entry: Descriptor): ImageIndex {
  const bare = canonical(annotated(entry, nameless));
  if (index.manifests.some((other) => other?.digest === bare.digest && saysAll(other, bare))) {
    return index;
  }
  return withEntries(index, [...index.manifests, bare]);
}

/** Drops every entry of a digest, named or not. */
export function remove(index: ImageIndex, digest: Digest): ImageIndex {
  return withEntries(index, index.manifests.filter((entry) => entry?.digest !== digest));
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

/** The entries without those that leave, or with what is left of them if their digest is listed nowhere else. */
function drop(
  index: ImageIndex,
  leaving: readonly Descriptor[],
  { keepPrevious = false }: KeepOptions,
  listed?: Digest,
): readonly Descriptor[] {
  if (leaving.length === 0) return index.manifests;
  const leaves = new Set(leaving);
  const kept = new Set([listed]);
  const isListed = (digest: Digest) =>
    kept.has(digest) || entriesOf(index, digest).some((other) => !leaves.has(other));
  return index.manifests.flatMap((entry) => {
    if (!leaves.has(entry)) return [entry];
    if (!keepPrevious || isListed(entry.digest)) return [];
    if (isUsable(entry)) kept.add(entry.digest);
    return [annotated(entry, { ...nameless, [TAGGED]: null })];
  });
}
