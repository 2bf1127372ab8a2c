import { type Digest, isDigest } from "./digest.ts";
import { parseJson } from "./json.ts";
import { type Schema, z } from "./schema.ts";

/** The platform an image runs on. */
export interface Platform {
  /** Such as `linux`. */
  readonly os: string;
  /** Such as `amd64`. */
  readonly architecture: string;
  /** Such as `v7`. */
  readonly variant?: string;
  /** Such as `10.0.14393.1066`. */
  readonly "os.version"?: string;
  /** Such as `win32k`. */
  readonly "os.features"?: readonly string[];
}

/** Annotations: any text by any name. */
export type Annotations = Readonly<Record<string, string>>;

/** What points at a blob: its type, name and length, and whatever else was said about it. Unknown members survive. */
export interface Descriptor {
  /** Media type of the blob. */
  readonly mediaType: string;
  /** Its name. */
  readonly digest: Digest;
  /** Its length in bytes. */
  readonly size: number;
  /** What it is said to be. */
  readonly annotations?: Annotations;
  /** The platform of a child of an index. */
  readonly platform?: Platform;
  /** What an artifact is. */
  readonly artifactType?: string;
  /** Where else it can be had. */
  readonly urls?: readonly string[];
  /** The blob itself, in base64. */
  readonly data?: string;
  /** Members of later specifications. */
  readonly [member: string]: unknown;
}

/** Judges a {@linkcode Digest}. */
export const digestSchema = z.string().check(z.refine(isDigest, "not a digest"));
/** Judges a size in bytes. */
export const sizeSchema = z.number().check(
  z.refine((n) => Number.isSafeInteger(n) && n >= 0, "not a size in bytes"),
);
const text = z.string();

/** Judges a {@linkcode Descriptor}. */
export const descriptorSchema = z.looseObject({
  mediaType: text.check(z.minLength(1, "empty")),
  digest: digestSchema,
  size: sizeSchema,
  annotations: z.optional(z.record(text, text)),
  platform: z.optional(z.looseObject({
    os: text,
    architecture: text,
    variant: z.optional(text),
    "os.version": z.optional(text),
    "os.features": z.optional(z.array(text)),
  })),
  artifactType: z.optional(text),
  urls: z.optional(z.array(text)),
  data: z.optional(text),
}) as unknown as Schema<Descriptor>;

/** Whether all members of an object are text. */
export function isTextRecord(value: unknown): value is Annotations {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const name in value) {
    if (typeof (value as Record<string, unknown>)[name] !== "string") return false;
  }
  return true;
}

function isPlainPlatform(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { os, architecture, variant = "", ...more } = value as Record<string, unknown>;
  return typeof os === "string" && typeof architecture === "string" &&
    typeof variant === "string" && more["os.version"] === undefined &&
    more["os.features"] === undefined;
}

/**
 * Whether a value is a descriptor with nothing rare about it: what nearly all are, told some twenty times faster than by
 * the schema, which judges the others.
 */
export function isPlainDescriptor(value: unknown): value is Descriptor {
  if (typeof value !== "object" || value === null) return false;
  const { mediaType, digest, size, annotations, platform, artifactType, urls, data } =
    value as Record<string, unknown>;
  return typeof mediaType === "string" && mediaType !== "" && isDigest(digest) &&
    Number.isSafeInteger(size) && size as number >= 0 &&
    (annotations === undefined || isTextRecord(annotations)) &&
    (platform === undefined || isPlainPlatform(platform)) &&
    (artifactType === undefined || typeof artifactType === "string") &&
    urls === undefined &&
    data === undefined;
}

/** The annotations that name an entry of an index. */
export const REF_NAME = "org.opencontainers.image.ref.name";
/** The full image name, as containerd and docker write it. */
export const IMAGE_NAME = "io.containerd.image.name";
/** When Stowage set the name, RFC 3339. */
export const TAGGED = "dev.stowage.tagged";

const ORDER = [
  "mediaType",
  "digest",
  "size",
  "urls",
  "annotations",
  "data",
  "platform",
  "artifactType",
];

/** A copy, as JSON, with its members in the order of the specification and its annotations sorted. */
export function canonical(descriptor: Descriptor): Descriptor {
  const known = ORDER.map((name) => [name, descriptor[name]] as const);
  const others = Object.entries(descriptor).filter(([name]) => !ORDER.includes(name));
  const entry = parseJson(JSON.stringify(Object.fromEntries([...known, ...others]))) as Descriptor;
  if (!entry.annotations) return entry;
  return { ...entry, annotations: sorted(entry.annotations) };
}

function sorted(annotations: Annotations): Annotations {
  return Object.fromEntries(
    Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  );
}

/** The descriptor with `changes` laid over its annotations (null removes) and none left empty. */
export function annotated(
  descriptor: Descriptor,
  changes: Readonly<Record<string, string | null>>,
): Descriptor {
  const after = Object.entries({ ...descriptor.annotations, ...changes })
    .filter(([name, value]) => value !== null || !Object.hasOwn(changes, name));
  if (after.length > 0) {
    return { ...descriptor, annotations: Object.fromEntries(after) } as Descriptor;
  }
  const { annotations: _, ...rest } = descriptor;
  return rest as Descriptor;
}
