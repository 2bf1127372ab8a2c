import {
  type Annotations,
  type Descriptor,
  descriptorSchema,
  digestSchema,
  isPlainDescriptor,
  isTextRecord,
} from "./descriptor.ts";
import { OciError } from "./errors.ts";
import { INDEX_TYPE } from "./image_index.ts";
import { decodeUtf8, parseJson } from "./json.ts";
import { complaint, type Schema, z } from "./schema.ts";

/** The media type of an image manifest. */
export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
/** The media type of bytes nobody named. */
export const OCTET_STREAM = "application/octet-stream";

const DOCKER = "application/vnd.docker.distribution.manifest";
const KINDS: ReadonlyMap<string, NodeKind> = new Map([
  [MANIFEST_TYPE, "manifest"],
  [`${DOCKER}.v2+json`, "manifest"],
  [INDEX_TYPE, "index"],
  [`${DOCKER}.list.v2+json`, "index"],
  ["application/vnd.oci.artifact.manifest.v1+json", "artifact"],
  [`${DOCKER}.v1+json`, "schema1"],
  [`${DOCKER}.v1+prettyjws`, "schema1"],
]);

/** What kind of node a media type stands for. */
export type NodeKind = "manifest" | "index" | "artifact" | "schema1";

/** The kind of node of a media type; undefined for a leaf. */
export function kindOf(mediaType: string): NodeKind | undefined {
  return KINDS.get(mediaType);
}

/** The size of a child whose parent does not tell it. */
export const UNKNOWN_SIZE = -1;

/** From a node to one of its children. */
export interface Edge {
  /** The child, as its parent describes it; its size may be {@linkcode UNKNOWN_SIZE}. */
  readonly target: Descriptor;
  /** Where it stands in its parent. */
  readonly role: "manifest" | "config" | "layer";
}

/** A manifest or index, read. */
export interface Node {
  /** What it is. */
  readonly kind: NodeKind;
  /** Its media type: the member, else what the shape says. */
  readonly mediaType: string;
  /** Its children, in order. */
  readonly edges: readonly Edge[];
  /** What it is about. */
  readonly subject?: Descriptor;
  /** What an artifact is: the member, else the media type of its config. */
  readonly artifactType?: string;
  /** What it is said to be. */
  readonly annotations?: Annotations;
  /** All it says. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** The manifest or index whose children are these. */
interface NodeShape extends Record<string, unknown> {
  mediaType?: string;
  artifactType?: string;
  config?: Descriptor;
  layers?: Descriptor[] | null;
  manifests?: Descriptor[] | null;
  blobs?: Descriptor[] | null;
  fsLayers?: { blobSum: string }[];
  subject?: Descriptor | null;
  annotations?: Annotations | null;
}

const descriptors = z.optional(z.nullable(z.array(descriptorSchema)));
const shape = z.looseObject({
  mediaType: z.optional(z.string()),
  artifactType: z.optional(z.string()),
  config: z.optional(descriptorSchema),
  layers: descriptors,
  manifests: descriptors,
  blobs: descriptors,
  subject: z.optional(z.nullable(descriptorSchema)),
  annotations: z.optional(z.nullable(z.record(z.string(), z.string()))),
}) as unknown as Schema<NodeShape>;

/** Whether a node has nothing rare about it: so it is told quickly for nearly all; the schema judges the others. */
function isPlainNode(kind: NodeKind, json: unknown): boolean {
  if (kind === "schema1" || typeof json !== "object" || json === null) return false;
  const node = json as NodeShape;
  const isText = (value: unknown) => value === undefined || typeof value === "string";
  const isPlain = (value: unknown) => value === undefined || isPlainDescriptor(value);
  const arePlain = (value: unknown) =>
    value === undefined || (Array.isArray(value) && value.every(isPlainDescriptor));
  return isText(node.mediaType) && isText(node.artifactType) &&
    isPlain(node.config) && isPlain(node.subject) &&
    arePlain(node.layers) && arePlain(node.manifests) && arePlain(node.blobs) &&
    (node.annotations === undefined || isTextRecord(node.annotations));
}

const schema1Shape = z.looseObject({
  fsLayers: z.array(z.looseObject({ blobSum: digestSchema })),
}) as unknown as Schema<NodeShape>;

/**
 * Reads the bytes of a manifest or index. `mediaType` is what points at it says; left out, it is found out.
 *
 * @throws {OciError} `invalid` if they are not JSON of its shape, or of two shapes at once.
 */
export function parseNode(bytes: Uint8Array, mediaType?: string): Node {
  const fail = (why: string, cause?: unknown): never => {
    throw new OciError("invalid", `Cannot read the manifest: ${why}`, { cause });
  };
  let json: unknown;
  try {
    json = parseJson(decodeUtf8(bytes));
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error), error);
  }
  const said = (json as NodeShape | null)?.mediaType;
  const kind = kindOf(mediaType || (typeof said === "string" ? said : "")) ?? shapeOf(json);
  if (kind === undefined) return fail("it is neither an image manifest nor an index");
  const reason = isPlainNode(kind, json)
    ? undefined
    : complaint(kind === "schema1" ? schema1Shape : shape, json);
  if (reason !== undefined) return fail(reason);
  const node = json as NodeShape;
  if ("manifests" in node && ("config" in node || "layers" in node)) {
    return fail("it has the members of an index and of an image manifest");
  }
  const needed = {
    index: "manifests",
    manifest: "config",
    artifact: undefined,
    schema1: undefined,
  };
  const member = needed[kind];
  if (member !== undefined && !(member in node)) return fail(`it has no "${member}"`);
  const { subject, annotations } = node;
  const artifactType = node.artifactType || node.config?.mediaType;
  return {
    kind,
    mediaType: mediaType || node.mediaType || (kind === "index" ? INDEX_TYPE : MANIFEST_TYPE),
    edges: edgesOf(kind, node),
    json: node,
    ...(subject ? { subject } : {}),
    ...(annotations ? { annotations } : {}),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}

/** The kind that the members of a JSON value speak for. */
export function shapeOf(json: unknown): NodeKind | undefined {
  if (typeof json !== "object" || json === null) return undefined;
  if ("manifests" in json) return "index";
  if ("config" in json && "layers" in json) return "manifest";
  return undefined;
}

function edgesOf(kind: NodeKind, node: NodeShape): Edge[] {
  const layers = (list?: readonly Descriptor[] | null): Edge[] =>
    (list ?? []).map((target) => ({ target, role: "layer" }));
  switch (kind) {
    case "index":
      return (node.manifests ?? []).map((target) => ({ target, role: "manifest" }));
    case "manifest":
      return [
        ...(node.config ? [{ target: node.config, role: "config" } as const] : []),
        ...layers(node.layers),
      ];
    case "artifact":
      return layers(node.blobs);
    case "schema1":
      return layers(
        node.fsLayers?.map(({ blobSum }) => ({
          mediaType: "application/vnd.docker.container.image.rootfs.diff+x-gtar",
          digest: blobSum,
          size: UNKNOWN_SIZE,
        } as Descriptor)),
      );
  }
}

/** Whether an edge leads to another node; anything in the place of a config or layer is a leaf, whatever its type. */
export function leadsToNode(edge: Edge): boolean {
  return edge.role === "manifest" && kindOf(edge.target.mediaType) !== undefined;
}

/** Whether a blob may be missing from a layout: it is had elsewhere, by its licence or its URLs. */
export function isExternal(descriptor: Descriptor): boolean {
  return /\.nondistributable\.|\.foreign\./.test(descriptor.mediaType) ||
    (descriptor.urls?.length ?? 0) > 0;
}
