import type { Descriptor, Platform } from "./descriptor.ts";
import { type Digest, looksLikeDigest, parseDigest } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import { type ImageIndex, INDEX_TYPE } from "./image_index.ts";
import { entriesOf, entryOf, found as entriesFound, isUsable, usable } from "./index_entries.ts";
import { decodeUtf8, parseJson } from "./json.ts";
import { kindOf, leadsToNode, MANIFEST_TYPE, OCTET_STREAM, shapeOf } from "./manifest.ts";
import { entriesNamed, nameOf, splitPinned } from "./names.ts";
import { isPlatform, matches, parsePlatform, printPlatform } from "./platform.ts";
import { readAll, readNode } from "./read.ts";
import { runBeforeRead } from "./run_hooks.ts";
import { placeOf, type Store } from "./store.ts";

/** How a name is resolved. */
export interface ResolveOptions {
  /** Selects a child of an index, or among entries of one name: `os/arch[/variant]`. */
  readonly platform?: string | Platform;
}

/**
 * What a name, digest or pinned name stands for in this index. Hooks are asked about entries that names lead to, but
 * for those of the caller's own making.
 */
export async function resolve(
  store: Store,
  index: ImageIndex,
  name: string,
  { platform }: ResolveOptions = {},
  isOwn: (entry: Descriptor) => boolean = () => false,
): Promise<Descriptor> {
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  const found = await find(store, index, name, wanted);
  // A digest says by itself what it stands for.
  const asked = !looksLikeDigest(name) && !isOwn(found);
  if (asked) await runBeforeRead(store, index, found, name);
  if (wanted === undefined || found.platform && matches(found.platform, wanted)) return found;
  return await selectPlatform(store, found, wanted, name);
}

async function find(
  store: Store,
  index: ImageIndex,
  name: string,
  platform: Platform | undefined,
): Promise<Descriptor> {
  if (name === "") throw new OciError("invalid", "Cannot resolve an empty name");
  if (looksLikeDigest(name)) return await byDigest(store, index, parseDigest(name));
  const pinned = splitPinned(name);
  if (pinned.digest !== undefined) {
    const digest = parseDigest(pinned.digest);
    const entries = entriesOf(index, digest);
    const [entry] = [name, pinned.name].flatMap((one) => entriesNamed(entries, one));
    return entry ?? await byDigest(store, index, digest);
  }
  const found = entriesFound(index, name);
  return one(
    store,
    found.every(isUsable) ? found : entriesNamed(usable(index), name),
    name,
    platform,
  );
}

function one(
  store: Store,
  found: readonly Descriptor[],
  name: string,
  platform: Platform | undefined,
): Descriptor {
  const [first] = found;
  if (first === undefined) {
    throw new OciError("not_found", `Cannot resolve ${JSON.stringify(name)}: no such reference`, {
      url: placeOf(store),
      ref: name,
    });
  }
  if (found.every((entry) => entry.digest === first.digest)) return first;
  const match = platform &&
    found.find((entry) => entry.platform && matches(entry.platform, platform));
  if (match) return match;
  const list = found.map((entry) =>
    `${quoted(nameOf(entry))} ${entry.digest}${entry.platform ? ` ${shown(entry.platform)}` : ""}`
  );
  throw new OciError(
    "ambiguous",
    `Cannot resolve ${JSON.stringify(name)}: it names ${list.join(", ")}`,
    { url: placeOf(store), ref: name },
  );
}

/** Media type, digest and size of a stored or listed blob. */
async function byDigest(store: Store, index: ImageIndex, digest: Digest): Promise<Descriptor> {
  const entry = entryOf(index, digest);
  const blob = await store.backend.blobs.stat(digest);
  const size = blob?.size ?? entry?.size;
  if (size === undefined) {
    throw new OciError("not_found", `Cannot resolve "${digest}": neither listed nor stored`, {
      url: placeOf(store),
      digest,
    });
  }
  const mediaType = entry?.mediaType ?? await nestedType(store, index, digest) ??
    await storedType(store, { mediaType: OCTET_STREAM, digest, size });
  return { mediaType, digest, size };
}

/** The media type that an index gives to one of its children, however deep. */
async function nestedType(store: Store, index: ImageIndex, digest: Digest) {
  const seen = new Set<Digest>();
  const queue = index.manifests.filter((entry) => kindOf(entry?.mediaType) === "index")
    .filter(isUsable);
  for (let next = queue.shift(); next; next = queue.shift()) {
    if (seen.has(next.digest)) continue;
    seen.add(next.digest);
    const node = await unlessBroken(readNode(store, next));
    for (const { target } of node?.edges ?? []) {
      if (target.digest === digest) return target.mediaType;
      if (kindOf(target.mediaType) === "index") queue.push(target);
    }
  }
  return undefined;
}

/** The media type that stored bytes speak for. */
async function storedType(store: Store, blob: Descriptor): Promise<string> {
  if (blob.size > store.limits.manifest) return OCTET_STREAM;
  const bytes = await unlessBroken(readAll(store, blob, { limit: store.limits.manifest }));
  if (bytes?.[0] !== 0x7b) return OCTET_STREAM;
  const json = jsonOf(bytes) as { mediaType?: unknown } | undefined;
  const kind = shapeOf(json);
  const said = json?.mediaType;
  if (typeof said === "string" && said !== "" && (kind || kindOf(said))) return said;
  return kind === "index" ? INDEX_TYPE : kind === "manifest" ? MANIFEST_TYPE : OCTET_STREAM;
}

/** What was read, or nothing where the blob is missing, damaged or cannot be judged here. */
async function unlessBroken<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isOciError(error, "not_found", "corrupt", "size_exceeded", "unsupported")) return undefined;
    throw error;
  }
}

/** Bytes as JSON, or nothing. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return parseJson(decodeUtf8(bytes));
  } catch (error) {
    if (isOciError(error, "corrupt")) return undefined;
    throw error;
  }
}

/** The first manifest below `root` that runs on a platform: depth first, in order. */
export async function selectPlatform(
  store: Store,
  root: Descriptor,
  wanted: Platform,
  name: string,
): Promise<Descriptor> {
  const there: string[] = [];
  const seen = new Set<Digest>();
  const stack = [root];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const opens = next === root || kindOf(next.mediaType) === "index";
    const platform = opens ? await platformOf(next) : next.platform;
    if (!platform) continue;
    if (matches(platform, wanted)) return next;
    there.push(shown(platform));
  }
  throw new OciError(
    "not_found",
    `Cannot find ${printPlatform(wanted)} in ${quoted(name)}: there is ${
      there.slice(0, MOST_SHOWN).join(", ") || "no platform"
    }`,
    { url: placeOf(store), ref: name },
  );

  /** Of a manifest; of an index none, but its children are next. */
  async function platformOf(target: Descriptor): Promise<Platform | undefined> {
    if (seen.has(target.digest)) return undefined;
    seen.add(target.digest);
    if (kindOf(target.mediaType) === undefined) {
      throw new OciError("unsupported", `Cannot select a platform: ${quoted(name)} is no manifest`);
    }
    const node = await readNode(store, target);
    if (node.kind !== "index") return await configPlatform(store, node.json["config"]);
    stack.push(...node.edges.filter(leadsToNode).map((edge) => edge.target).reverse());
    return undefined;
  }
}

/** The platform that an image's config names. */
async function configPlatform(store: Store, config: unknown): Promise<Platform> {
  const bytes = config === undefined
    ? undefined
    : await unlessBroken(readAll(store, config as Descriptor, { limit: store.limits.manifest }));
  const platform = bytes && jsonOf(bytes);
  if (isPlatform(platform)) return platform;
  throw new OciError("unsupported", "Cannot select a platform: the manifest does not name one");
}

const MOST_SHOWN = 20;

/** Foreign text, fit for a message. */
function quoted(text: string | undefined): string {
  return JSON.stringify(text ?? "");
}

function shown(platform: Platform): string {
  return quoted(printPlatform(platform)).slice(1, -1);
}
