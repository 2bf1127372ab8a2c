import {
  complaint,
  type Descriptor,
  type Digest,
  isDigest,
  MANIFEST_TYPE,
  OciError,
  REF_NAME,
  splitDigest,
  z,
} from "../../core/mod.ts";
import { utf8 } from "./bytes.ts";
import { canonicalJson, readStrict } from "./json.ts";
import { malformed } from "./refusal.ts";
import { type Binding, SEQUENCE } from "./statement.ts";
import { readTime } from "./time.ts";

/** The media type of a legacy payload. */
export const SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json";
/** The annotation that holds the signature of a legacy payload. */
export const SIGNATURE = "dev.cosignproject.cosign/signature";
/** What cosign notes at an entry of legacy signatures that it saved. */
export const SIGS = "dev.cosignproject.cosign/sigs";
/** No legacy payload is longer, in bytes. */
export const MOST_PAYLOAD = 64 << 10;
/** No manifest of legacy signatures has more layers. */
export const MOST_LAYERS = 1000;

const TYPE = "cosign container image signature";

/** JSON as Go prints it: safe for HTML. */
function goJson(value: string): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The payload that says of an image what a binding says; `reference` is where it will be found. */
export function printLegacy(binding: Binding, reference: string): Uint8Array<ArrayBuffer> {
  const { target, sequence, ref, issued } = binding;
  if (splitDigest(target.digest).algorithm !== "sha256") {
    throw new OciError("unsupported", "Cannot sign for cosign: it knows sha256 alone");
  }
  const critical = `{"identity":{"docker-reference":${goJson(reference)}},` +
    `"image":{"docker-manifest-digest":"${target.digest}"},"type":"${TYPE}"}`;
  const optional = `{"creator":"stowage","${SEQUENCE}":"${sequence}",` +
    `"${REF_NAME}":${goJson(ref)},"timestamp":${(readTime(issued) ?? 0) / 1000}}`;
  return utf8(`{"critical":${critical},"optional":${optional}}`);
}

/** The media type of the config of legacy signatures. */
export const LEGACY_CONFIG = "application/vnd.oci.image.config.v1+json";

/** The config of a manifest of legacy signatures. */
export function legacyConfig(layers: readonly Descriptor[]): Uint8Array<ArrayBuffer> {
  const rootfs = { diff_ids: layers.map(({ digest }) => digest), type: "layers" };
  return canonicalJson({ architecture: "", config: {}, os: "", rootfs });
}

/** The manifest of legacy signatures. */
export function legacyManifest(
  config: Descriptor,
  layers: readonly Descriptor[],
  annotations?: Descriptor["annotations"],
): Uint8Array<ArrayBuffer> {
  return canonicalJson({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: config.mediaType, digest: config.digest, size: config.size },
    layers,
    ...(annotations ? { annotations } : {}),
  });
}

/** What a legacy payload says. */
export interface Legacy {
  readonly digest: Digest;
  readonly reference: string;
  readonly ref?: string;
  readonly sequence?: number;
  /** Milliseconds since 1970. */
  readonly issued?: number;
}

const shape = z.strictObject({
  critical: z.strictObject({
    identity: z.strictObject({ "docker-reference": z.string() }),
    image: z.strictObject({
      "docker-manifest-digest": z.string().check(z.refine(isDigest, "not a digest")),
    }),
    type: z.literal(TYPE),
  }),
  optional: z.nullable(z.looseObject({
    creator: z.optional(z.string()),
    timestamp: z.optional(z.number().check(z.refine(Number.isSafeInteger, "not a time"))),
    [REF_NAME]: z.optional(z.string()),
    [SEQUENCE]: z.optional(z.string()),
  })),
});

/** Reads a legacy payload; throws `malformed`. */
export function readLegacy(bytes: Uint8Array): Legacy {
  const json = readStrict(bytes, malformed);
  const why = complaint(shape, json);
  if (why !== undefined) throw malformed(`its payload: ${why}`);
  const { critical, optional } = json as z.infer<typeof shape>;
  const ref = optional?.[REF_NAME] as string | undefined;
  const said = optional?.[SEQUENCE] as string | undefined;
  const sequence = said !== undefined && /^[1-9]\d{0,15}$/.test(said) ? Number(said) : undefined;
  const timestamp = optional?.timestamp;
  return {
    digest: critical.image["docker-manifest-digest"] as Digest,
    reference: critical.identity["docker-reference"],
    ...(ref === undefined ? {} : { ref }),
    ...(sequence === undefined ? {} : { sequence }),
    ...(timestamp === undefined ? {} : { issued: timestamp * 1000 }),
  };
}
