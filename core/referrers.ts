import type { Descriptor } from "./descriptor.ts";
import { type Digest, splitDigest } from "./digest.ts";
import { isOciError } from "./errors.ts";
import type { ImageIndex } from "./image_index.ts";
import { isUsable, usable } from "./index_entries.ts";
import { kindOf, leadsToNode, type Node } from "./manifest.ts";
import { nameOf, splitName, taggedSubject } from "./names.ts";
import { readNode } from "./read.ts";
import type { Store } from "./store.ts";

/** Containerd's way to point at a subject. */
export const SUBJECT = "io.containerd.manifest.subject";

/** Which referrers are looked for. */
export interface ReferrersOptions {
  /** Only of this type. */
  readonly artifactType?: string;
  /** Also those that only a digest tag ties to their subject, as cosign's. */
  readonly digestTags?: boolean;
  /** Also stored manifests that nothing lists. */
  readonly scan?: boolean;
}

/** The digest tag of a subject, without what may follow it. */
export function digestTag(digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return `${algorithm}-${hex}`;
}

/** An entry that refers to something. */
export interface Tie {
  /** The referrer. */
  readonly entry: Descriptor;
  /** The digest it is about. */
  readonly subject: string;
  /** The convention that says so. */
  readonly by: "subject" | "annotation" | "tag";
  /** What it is. */
  readonly artifactType?: string;
}

/** The subject of each listed manifest, by any of the three conventions. */
export async function* listedReferrers(store: Store, index: ImageIndex): AsyncGenerator<Tie> {
  for (const entry of usable(index)) {
    const node = await tryNode(store, entry);
    const artifactType = node?.artifactType ?? entry.artifactType;
    const type = artifactType === undefined ? {} : { artifactType };
    const spelled = taggedSubject(nameOf(entry) ?? "");
    if (spelled) yield { entry, subject: spelled, by: "tag", ...type };
    const annotated = entry.annotations?.[SUBJECT];
    if (annotated) yield { entry, subject: annotated, by: "annotation", ...type };
    if (node?.subject) yield { entry, subject: node.subject.digest, by: "subject", ...type };
  }
}

/** A manifest, or nothing where it is a leaf, missing or broken: listing goes on. */
async function tryNode(store: Store, target: Descriptor): Promise<Node | undefined> {
  if (kindOf(target.mediaType) === undefined) return undefined;
  try {
    return await readNode(store, target);
  } catch (error) {
    if (isOciError(error, "not_found", "corrupt", "size_exceeded")) return undefined;
    throw error;
  }
}

/** What refers to a digest: the union of all conventions, by digest, in index order. */
export async function referrers(
  store: Store,
  index: ImageIndex,
  digest: Digest,
  { artifactType, digestTags = false, scan = false }: ReferrersOptions = {},
): Promise<Descriptor[]> {
  const found = new Map<Digest, Descriptor>();
  const add = async (candidate: Descriptor, tied: boolean) => {
    if (found.has(candidate.digest) || candidate.digest === digest) return;
    const node = await tryNode(store, candidate);
    const subject = node?.subject?.digest;
    if (subject === undefined ? !tied : subject !== digest) return;
    found.set(candidate.digest, describe(candidate, node));
  };
  for await (const { entry, subject, by } of listedReferrers(store, index)) {
    if (subject !== digest) continue;
    if (by !== "tag") {
      await add(entry, by === "annotation");
      continue;
    }
    // The bare tag is an index of referrers; what cosign tags, mostly with a suffix, is one itself.
    const node = await tryNode(store, entry);
    const listing = node?.kind === "index" && isBare(entry);
    if (listing) {
      for (const edge of node.edges) if (leadsToNode(edge)) await add(edge.target, true);
    }
    if (digestTags && !listing) await add(entry, true);
  }
  if (scan) { for await (const one of unlisted(store, index)) await add(one, false); }
  return [...found.values()].filter((one) =>
    artifactType === undefined || one.artifactType === artifactType
  );
}

/** Whether a digest tag ends with the digest. */
function isBare(entry: Descriptor): boolean {
  return !splitName(nameOf(entry) ?? "").tag.includes(".");
}

function describe(candidate: Descriptor, node: Node | undefined): Descriptor {
  const { mediaType, digest, size } = candidate;
  const { artifactType, annotations } = node ?? candidate;
  return {
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

/** Stored blobs that nothing lists and that read as a manifest. */
async function* unlisted(store: Store, index: ImageIndex): AsyncGenerator<Descriptor> {
  const listed = new Set(index.manifests.filter(isUsable).map((entry) => entry.digest));
  for await (const { digest, size } of store.backend.blobs.list({ skip: (d) => listed.has(d) })) {
    if (size > store.limits.manifest) continue;
    const target = { digest, size } as Descriptor;
    try {
      const { mediaType, subject } = await readNode(store, target);
      if (subject) yield { mediaType, digest, size };
    } catch (error) {
      if (!isOciError(error, "not_found", "corrupt", "unsupported")) throw error;
    }
  }
}
