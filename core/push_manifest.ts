import type { Descriptor } from "./descriptor.ts";
import { type Algorithm, digestOf } from "./digest.ts";
import { transact } from "./edit.ts";
import { OciError } from "./errors.ts";
import { parseNode } from "./manifest.ts";
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
  /** What its digest is made with; default sha256. */
  readonly algorithm?: Algorithm;
}

/** Stores the bytes of a manifest verbatim and lists it; gives its descriptor, or the entry of the first name. */
export async function pushManifest(
  store: Store,
  bytes: Uint8Array,
  { mediaType, ref = [], list = true, algorithm = "sha256", ...options }: PushManifestOptions,
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
  const descriptor: Descriptor = {
    mediaType: node.mediaType,
    digest: digestOf(bytes, algorithm),
    size: bytes.length,
    ...(node.json["artifactType"] === undefined ? {} : { artifactType: node.artifactType ?? "" }),
  };
  await put(store, descriptor, bytes);
  const names = [ref].flat();
  if (names.length > 0) {
    const [entry] = await transact(store, (tx) => tx.tag(descriptor, names, options));
    return entry ?? descriptor;
  }
  if (list || node.subject) await transact(store, (tx) => tx.insert(descriptor));
  return descriptor;
}
