import type { Descriptor, Platform } from "./descriptor.ts";
import { type Digest, isDigest, looksLikeDigest, parseDigest } from "./digest.ts";
import { OciError } from "./errors.ts";
import { entriesOf, type ImageIndex, INDEX_TYPE, isUsable } from "./image_index.ts";
import { decodeUtf8, parseJson } from "./json.ts";
import { kindOf, leadsToNode, MANIFEST_TYPE, OCTET_STREAM, shapeOf } from "./manifest.ts";
import { entriesNamed, nameOf, splitPinned } from "./names.ts";
import { matches, parsePlatform, printPlatform } from "./platform.ts";
import { readAll, readNode } from "./read.ts";
import { placeOf, type Store } from "./store.ts";

/** How a name is resolved. */
export interface ResolveOptions {
  /** Selects a child of an index, or among entries of one name: `os/arch[/variant]`. */
  readonly platform?: string | Platform;
}

/** What a name, digest or pinned name stands for in this index. */
export async function resolve(
  store: Store,
  index: ImageIndex,
  name: string,
  { platform }: ResolveOptions = {},
): Promise<Descriptor> {
  const wanted = platform === undefined ? undefined : parsePlatform(platform);
  const found = await find(store, index, name, wanted);
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
  const exact = entriesNamed(index.manifests, name).filter(isUsable);
  const pinned = splitPinned(name);
  if (exact.length === 0 && pinned.digest !== undefined) {
    const digest = parseDigest(pinned.digest);
    const entry = entriesNamed(entriesOf(index, digest), pinned.name)[0];
    return entry ?? await byDigest(store, index, digest);
  }
  return one(store, exact, name, platform);
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
    `${nameOf(entry)} ${entry.digest}${entry.platform ? ` ${printPlatform(entry.platform)}` : ""}`
  );
  throw new OciError(
    "ambiguous",
    `Cannot resolve ${JSON.stringify(name)}: it names ${list.join(", ")}`,
    { url: placeOf(store), ref: name },
  );
}

/** Media type, digest and size of a stored or listed blob. */
async function byDigest(store: Store, index: ImageIndex, digest: Digest): Promise<Descriptor> {
  const entry = entriesOf(index, digest)[0];
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
    const node = await readNode(store, next).catch(() => undefined);
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
  try {
    const bytes = await readAll(store, blob, { limit: store.limits.manifest });
    if (bytes[0] !== 0x7b) return OCTET_STREAM;
    const json = parseJson(decodeUtf8(bytes)) as { mediaType?: unknown };
    const kind = shapeOf(json);
    if (typeof json.mediaType === "string" && (kind || kindOf(json.mediaType))) {
      return json.mediaType;
    }
    return kind === "index" ? INDEX_TYPE : kind === "manifest" ? MANIFEST_TYPE : OCTET_STREAM;
  } catch {
    return OCTET_STREAM;
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
  const stack = [root];
  const seen = new Set<Digest>();
  for (let next = stack.pop(); next; next = stack.pop()) {
    if (seen.has(next.digest)) continue;
    seen.add(next.digest);
    const node = await readNode(store, next);
    if (node.kind === "index") {
      const children = node.edges.filter(leadsToNode).map(({ target }) => target);
      for (const { platform } of children) if (platform) there.push(printPlatform(platform));
      const match = children.find(({ platform, mediaType }) =>
        platform && kindOf(mediaType) !== "index" && matches(platform, wanted)
      );
      if (match) return match;
      stack.push(...children.filter((child) => kindOf(child.mediaType) === "index").reverse());
    } else if (next === root) {
      const platform = await configPlatform(store, node.json["config"] as Descriptor | undefined);
      if (matches(platform, wanted)) return root;
      there.push(printPlatform(platform));
    }
  }
  throw new OciError(
    "not_found",
    `Cannot find ${printPlatform(wanted)} in ${JSON.stringify(name)}: there is ${
      there.join(", ") || "no platform"
    }`,
    { url: placeOf(store), ref: name },
  );
}

/** The platform that an image's config names. */
async function configPlatform(store: Store, config: Descriptor | undefined): Promise<Platform> {
  try {
    if (config && isDigest(config.digest)) {
      const bytes = await readAll(store, config, { limit: store.limits.manifest });
      const json = parseJson(decodeUtf8(bytes)) as Partial<Platform>;
      if (typeof json.os === "string" && typeof json.architecture === "string") {
        return json as Platform;
      }
    }
  } catch (cause) {
    throw new OciError("unsupported", "Cannot select a platform: the config cannot be read", {
      cause,
    });
  }
  throw new OciError("unsupported", "Cannot select a platform: the manifest does not name one");
}
