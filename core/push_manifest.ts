import type { BlobInfo } from "./backend.ts";
import type { Descriptor } from "./descriptor.ts";
import { type Algorithm, digestOf } from "./digest.ts";
import { transact } from "./edit.ts";
import { OciError } from "./errors.ts";
import { listByTag } from "./fallback_tag.ts";
import { type Node, parseNode } from "./manifest.ts";
import { put } from "./put.ts";
import { assertWritable, type Store } from "./store.ts";
import type { TagOptions } from "./transaction.ts";

/** How a manifest is stored and listed. */
export interface PushManifestOptions extends Omit<TagOptions, "platform"> {
  /** Its media type; else what the manifest says, else its shape. */
  readonly mediaType?: string;
  /** The names it is listed under; none: without a name. */
  readonly ref?: string | readonly string[];
  /** Whether it is listed; a manifest with a subject always is. Default true. */
  readonly list?: boolean;
  /** Make the tag `<algorithm>-<hex>` that lists the referrers of its subject; one that exists is always kept current. */
  readonly fallbackTags?: boolean;
  /** What its digest is made with; default sha256. */
  readonly algorithm?: Algorithm;
}

/** Stores the bytes of a manifest verbatim and lists it; gives its descriptor, or the entry of the first name. */
export async function pushManifest(
  store: Store,
  bytes: Uint8Array,
  {
    mediaType,
    ref = [],
    list = true,
    algorithm = "sha256",
    fallbackTags = false,
    ...options
  }: PushManifestOptions,
): Promise<Descriptor> {
  assertWritable(store, "push a manifest");
  if (bytes.length > store.limits.manifest) {
    throw new OciError(
      "size_exceeded",
      `Cannot push a manifest of ${bytes.length} bytes: ${store.limits.manifest} are the limit`,
    );
  }
  const node = parseNode(bytes, mediaType);
  const said = node.json["mediaType"];
  if (mediaType !== undefined && said !== undefined && said !== mediaType) {
    throw new OciError(
      "invalid",
      `Cannot push the manifest as "${mediaType}": it says it is ${JSON.stringify(said)}`,
    );
  }
  const descriptor = describe(node, { digest: digestOf(bytes, algorithm), size: bytes.length });
  const { digest } = descriptor;
  await put(store, descriptor, bytes);
  const names = [ref].flat();
  if (!list && names.length === 0 && !node.subject) return descriptor;
  return transact(store, async (tx) => {
    const [entry] = await tx.tag(descriptor, names.length > 0 ? names : digest, options);
    if (node.subject) {
      const { annotations } = node;
      const referrer = annotations ? { ...descriptor, annotations } : descriptor;
      await listByTag(store, tx, node.subject.digest, referrer, fallbackTags);
    }
    return entry ?? descriptor;
  });
}

function describe({ mediaType, json, artifactType }: Node, blob: BlobInfo): Descriptor {
  const { digest, size } = blob;
  const typed = json["artifactType"] && artifactType ? { artifactType } : {};
  return { mediaType, digest, size, ...typed };
}
