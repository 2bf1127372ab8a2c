import {
  type Descriptor,
  type Digest,
  type HookContext,
  isOciError,
  isUsable,
  MANIFEST_TYPE,
  nameOf,
  type Node,
  parseNode,
  saying,
} from "../../core/mod.ts";
import { bundleRefs, inlineBundles } from "./bundles.ts";
import { utf8 } from "./bytes.ts";
import { BUNDLE_TYPES, MOST_BUNDLE } from "./envelope.ts";
import { MANAGED, OF } from "./referrer.ts";

/** Where bundles are read from. */
export type Reading = Pick<HookContext, "url" | "index" | "blobs" | "fetchAll">;

/** A manifest of signatures is no longer than that, in bytes. */
const MOST_MANIFEST = 64 << 10;

/** The bytes of a small blob; nothing if it is not there, longer than `limit`, or damaged. */
export async function small(
  { blobs, fetchAll }: Reading,
  digest: Digest,
  limit: number,
): Promise<Uint8Array | undefined> {
  const blob = await blobs.stat(digest);
  if (!blob || blob.size > limit) return undefined;
  return await stored({ fetchAll }, digest);
}

/** The bytes of a blob that is known to be small; nothing if it is damaged, or gone by now. */
export async function stored(
  { fetchAll }: Pick<Reading, "fetchAll">,
  digest: Digest,
): Promise<Uint8Array | undefined> {
  try {
    return await fetchAll(digest);
  } catch (error) {
    if (isOciError(error, "not_found", "corrupt", "size_exceeded", "unsupported")) return undefined;
    throw error;
  }
}

/** A small manifest; nothing for what is none. */
export async function smallNode(reading: Reading, digest: Digest): Promise<Node | undefined> {
  const bytes = await small(reading, digest, MOST_MANIFEST);
  if (bytes === undefined || bytes[0] !== 0x7b) return undefined;
  try {
    return parseNode(bytes);
  } catch (error) {
    if (isOciError(error, "invalid")) return undefined;
    throw error;
  }
}

/** The layers of a manifest that are bundles. */
export function bundleLayers({ edges }: Node): Descriptor[] {
  return edges.filter(({ role, target }) =>
    role === "layer" && BUNDLE_TYPES.includes(target.mediaType)
  ).map(({ target }) => target);
}

/** All bundles that an entry holds or points at, each once. */
export async function ownBundles(reading: Reading, entry: Descriptor): Promise<Uint8Array[]> {
  const inline = inlineBundles(entry);
  if (inline.length > 0) return inline.map(utf8);
  const found: Uint8Array[] = [];
  for (const digest of bundleRefs(entry)) {
    const bytes = await small(reading, digest, MOST_BUNDLE);
    if (bytes) found.push(bytes);
  }
  return found;
}

/** The entries that list signatures of this hook for a name. */
export function listingsOf(entries: readonly Descriptor[], name: string): Descriptor[] {
  return entries.filter((one) =>
    one?.annotations?.[OF] === name && one.annotations[MANAGED] === "sign" &&
    nameOf(one) === undefined && one.mediaType === MANIFEST_TYPE && isUsable(one)
  );
}

const about = new WeakMap<Reading, readonly Descriptor[]>();

/** The entries that a name may concern, looked for once: its own, and those that list its signatures. */
export function entriesAbout(reading: Reading, name: string): readonly Descriptor[] {
  const known = about.get(reading) ?? saying(reading.index, name);
  about.set(reading, known);
  return known;
}

/** The bundles of such entries. */
export async function listedBundles(reading: Reading, name: string): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (const listing of listingsOf(entriesAbout(reading, name), name)) {
    const node = await smallNode(reading, listing.digest);
    for (const layer of node ? bundleLayers(node) : []) {
      const bytes = await small(reading, layer.digest, MOST_BUNDLE);
      if (bytes) found.push(bytes);
    }
  }
  return found;
}
