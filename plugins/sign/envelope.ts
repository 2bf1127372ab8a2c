import { complaint, z } from "../../core/mod.ts";
import { base64, concat, fromBase64, utf8 } from "./bytes.ts";
import { canonicalJson, readStrict } from "./json.ts";
import { malformed, refusal } from "./refusal.ts";
import { STATEMENT_TYPE } from "./statement.ts";

/** The media type of a sigstore bundle, as layer and as artifact. */
export const BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
/** Another spelling of it, which is read. */
export const BUNDLE_TYPES: readonly string[] = [
  BUNDLE_TYPE,
  "application/vnd.dev.sigstore.bundle+json;version=0.3",
];
/** No bundle is longer, in bytes. */
export const MOST_BUNDLE = 256 << 10;

/** What is signed: the type and the body, each with its length before it. */
export function preAuthEncoding(type: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const name = utf8(type);
  return concat(utf8(`DSSEv1 ${name.length} `), name, utf8(` ${body.length} `), body);
}

/** A signed payload, and who is said to have signed it. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly signature: Uint8Array<ArrayBuffer>;
  /** The key's hint as it stands there. */
  readonly hint: string | undefined;
}

/** A bundle of one signature of a statement. */
export function printBundle(
  statement: Uint8Array,
  signature: Uint8Array,
  hint: string,
): Uint8Array<ArrayBuffer> {
  return canonicalJson({
    mediaType: BUNDLE_TYPE,
    dsseEnvelope: {
      payload: base64(statement),
      payloadType: STATEMENT_TYPE,
      signatures: [{ sig: base64(signature) }],
    },
    verificationMaterial: { publicKey: { hint } },
  });
}

const ignored = z.optional(z.unknown());
const shape = z.strictObject({
  mediaType: z.string().check(z.refine((type) => BUNDLE_TYPES.includes(type), "not a bundle v0.3")),
  dsseEnvelope: z.strictObject({
    payload: z.string(),
    payloadType: z.string(),
    signatures: z.array(z.strictObject({ sig: z.string(), keyid: z.optional(z.string()) })),
  }),
  verificationMaterial: z.strictObject({
    publicKey: z.strictObject({ hint: z.optional(z.string()) }),
    tlogEntries: ignored,
    timestampVerificationData: ignored,
  }),
});

/** Reads a bundle; throws `malformed`, and `untrusted_key` for one that comes with a certificate. */
export function readBundle(bytes: Uint8Array): Envelope {
  if (bytes.length > MOST_BUNDLE) throw malformed(`it is longer than ${MOST_BUNDLE} bytes`);
  const json = readStrict(bytes, malformed);
  const material = (json as { verificationMaterial?: object } | null)?.verificationMaterial;
  if (
    typeof material === "object" && material !== null && !("publicKey" in material) &&
    ("certificate" in material || "x509CertificateChain" in material)
  ) {
    throw refusal("untrusted_key", "It is signed with a certificate: only keys are trusted");
  }
  const why = complaint(shape, json);
  if (why !== undefined) throw malformed(`its bundle: ${why}`);
  const { dsseEnvelope, verificationMaterial } = json as z.infer<typeof shape>;
  const [only, ...others] = dsseEnvelope.signatures;
  if (!only || others.length > 0) throw malformed("it has not exactly one signature");
  const { hint } = verificationMaterial.publicKey;
  if (only.keyid && only.keyid !== hint) throw malformed("it names two keys");
  const payload = fromBase64(dsseEnvelope.payload, { loose: true });
  const signature = fromBase64(only.sig, { loose: true });
  if (!payload || !signature) throw malformed("its base64 is not clean");
  return { payloadType: dsseEnvelope.payloadType, payload, signature, hint };
}
