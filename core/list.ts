import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { OciError } from "./errors.ts";
import type { ImageIndex } from "./image_index.ts";
import { usable } from "./index_entries.ts";
import { copyJson } from "./json.ts";
import { walkGraph } from "./graph.ts";
import { isDigestTag, nameOf, splitName } from "./names.ts";
import { placeOf, type Store } from "./store.ts";

/** A named entry. */
export interface NamedEntry {
  /** Its name; empty for an entry without one. */
  readonly name: string;
  /** The entry. */
  readonly descriptor: Descriptor;
}

/** Which references are listed. */
export interface ListOptions {
  /** Only names of this repository, their tags shown. */
  readonly repository?: string;
  /** Only names of this digest. */
  readonly digest?: Digest;
  /** Only names after this one. */
  readonly after?: string;
  /** At most so many. */
  readonly limit?: number;
  /** Whether digest tags are shown; default true. */
  readonly digestTags?: boolean;
  /** Also entries without a name, last. */
  readonly untagged?: boolean;
}

/** The references of an index, sorted by code unit, as copies. */
export function listReferences(index: ImageIndex, options: ListOptions = {}): NamedEntry[] {
  const { repository, digest, after = "", limit = Infinity, digestTags = true, untagged } = options;
  const rows: NamedEntry[] = [];
  const rest: NamedEntry[] = [];
  for (const entry of usable(index)) {
    const full = nameOf(entry);
    if (digest !== undefined && entry.digest !== digest) continue;
    if (full === undefined) rest.push({ name: "", descriptor: entry });
    else if (digestTags || !isDigestTag(full)) {
      const split = splitName(full);
      if (repository !== undefined && split.repository !== repository) continue;
      const name = repository === undefined ? full : split.tag;
      if (name > after) rows.push({ name, descriptor: entry });
    }
  }
  rows.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return [...rows, ...untagged ? rest : []].slice(0, Math.max(0, limit))
    .map(({ name, descriptor }) => ({ name, descriptor: copyJson(descriptor) }));
}

const MOST_SHOWN = 10;

/** The entry that stands for the whole layout: digests count, not entries; what belongs to others is set aside. */
export async function singleEntry(store: Store, index: ImageIndex): Promise<Descriptor> {
  const all = usable(index);
  const alone = onlyOne(all) ?? onlyOne(await principal(store, all));
  if (alone) return alone;
  const names = all.slice(0, MOST_SHOWN).map((one) => JSON.stringify(nameOf(one) ?? one.digest));
  const why = all.length === 0 ? "nothing" : `${all.length} entries, ${names.join(", ")}`;
  throw new OciError(
    all.length === 0 ? "not_found" : "ambiguous",
    `Cannot choose an entry of ${placeOf(store)}: it lists ${why}`,
    { url: placeOf(store) },
  );
}

function onlyOne(entries: readonly Descriptor[]): Descriptor | undefined {
  const [first] = entries;
  return entries.every((entry) => entry.digest === first?.digest) ? first : undefined;
}

/** The entries without digest tags, untagged children and untagged referrers of others. */
async function principal(
  store: Store,
  entries: readonly Descriptor[],
): Promise<Descriptor[]> {
  const dependent = new Set<Digest>();
  for await (const { target, node, role } of walkGraph(store, entries, { sparse: true })) {
    if (role !== "root") dependent.add(target.digest);
    if (node?.subject) dependent.add(target.digest);
    for (const edge of node?.edges ?? []) dependent.add(edge.target.digest);
  }
  return entries.filter((entry) => {
    const name = nameOf(entry);
    return name === undefined ? !dependent.has(entry.digest) : !isDigestTag(name);
  });
}
