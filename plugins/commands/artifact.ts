import { type Annotations, canonical, type Descriptor, MANIFEST_TYPE } from "../../core/mod.ts";

/** The media type of a config that says nothing. */
export const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";
/** Its bytes. */
export const EMPTY_BYTES: Uint8Array = new TextEncoder().encode("{}");
/** What oras calls an artifact that nobody named. */
export const UNKNOWN_TYPE = "application/vnd.unknown.artifact.v1";
/** The annotation of a file's name. */
export const TITLE = "org.opencontainers.image.title";
/** The annotation of when it was made. */
export const CREATED = "org.opencontainers.image.created";

/** What an artifact is made of. */
export interface Artifact {
  readonly artifactType?: string | undefined;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor | undefined;
  readonly annotations: Annotations;
}

/** The manifest of an artifact, its members in the order of the specification: the same parts, the same bytes. */
export function manifestOf({ artifactType, config, layers, subject, annotations }: Artifact) {
  const about = subject &&
    { mediaType: subject.mediaType, digest: subject.digest, size: subject.size };
  const said = Object.keys(annotations).sort().map((name) => [name, annotations[name]]);
  return new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType,
    config: canonical(config),
    layers: layers.map(canonical),
    subject: about,
    annotations: said.length > 0 ? Object.fromEntries(said) : undefined,
  }));
}
