import { type Descriptor, digestOf, MANIFEST_TYPE } from "../../core/mod.ts";
import { utf8 } from "./bytes.ts";
import { BUNDLE_TYPE } from "./envelope.ts";
import { canonicalJson } from "./json.ts";
import { PREDICATE_TYPE } from "./statement.ts";

/** The empty config, which every layout with a signature holds. */
export const EMPTY = utf8("{}");
/** Its media type. */
export const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";
/** Marks what this hook has listed. */
export const MANAGED = "dev.stowage.managed";
/** Names the reference that a listed signature is for, to find it again; proves nothing. */
export const OF = "dev.stowage.binding.of";

/** Media type, digest and size of bytes. */
export function describe(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** The manifest that ties a bundle to what it is about, and the entry that lists it, without a name. */
export function printReferrer(
  bundle: Uint8Array,
  { mediaType, digest, size }: Pick<Descriptor, "mediaType" | "digest" | "size">,
  issued: string,
): { bytes: Uint8Array<ArrayBuffer>; annotations: Record<string, string> } {
  const annotations = {
    "dev.sigstore.bundle.content": "dsse-envelope",
    "dev.sigstore.bundle.predicateType": PREDICATE_TYPE,
    "org.opencontainers.image.created": issued,
  };
  const bytes = canonicalJson({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: BUNDLE_TYPE,
    config: describe(EMPTY_TYPE, EMPTY),
    layers: [describe(BUNDLE_TYPE, bundle)],
    subject: { mediaType, digest, size },
    annotations,
  });
  return { bytes, annotations };
}
