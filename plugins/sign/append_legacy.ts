import {
  type Descriptor,
  type Digest,
  digestOf,
  INDEX_TYPE,
  MANIFEST_TYPE,
  named,
  nameOf,
  REF_NAME,
  type TagContext,
} from "../../core/mod.ts";
import { base64, fromBase64 } from "./bytes.ts";
import { dashed } from "./candidates.ts";
import { BUNDLE_TYPE } from "./envelope.ts";
import { canonicalJson } from "./json.ts";
import { publicKey, type Signer } from "./key.ts";
import {
  LEGACY_CONFIG,
  legacyConfig,
  legacyManifest,
  printLegacy,
  SIGNATURE,
  SIMPLE_SIGNING,
} from "./legacy.ts";
import { MANAGED } from "./referrer.ts";
import type { Binding } from "./statement.ts";
import { smallNode } from "./stored.ts";

/** The entry of a digest tag, with the hook's edits of this very swap. */
function tagged({ edited }: TagContext, name: string): Descriptor | undefined {
  return named(edited, name)[0];
}

/** Signs the content of an image as cosign did before bundles; one signature more, and none twice. */
export async function appendLegacy(
  context: TagContext,
  binding: Binding,
  signer: Signer,
  reference: string,
): Promise<void> {
  const payload = printLegacy(binding, reference);
  const name = `${dashed(binding.target.digest)}.sig`;
  const former = tagged(context, name);
  const node = former && await smallNode(context, former.digest);
  const layers = node?.edges.filter(({ role }) => role === "layer").map(({ target }) => target) ??
    [];
  const digest = digestOf(payload);
  const key = publicKey(signer.spki);
  const isThere = layers.some((layer) => {
    const signature = fromBase64(layer.annotations?.[SIGNATURE] ?? "");
    return layer.digest === digest && signature !== undefined && key.verify(payload, signature);
  });
  if (isThere) return;
  const stored = await context.put(SIMPLE_SIGNING, payload);
  const signature = base64(await signer.sign(payload));
  const all = [...layers, { ...stored, annotations: { [SIGNATURE]: signature } }];
  const config = await context.put(LEGACY_CONFIG, legacyConfig(all));
  const manifest = legacyManifest(config, all, node?.annotations);
  const entry = await context.put(MANIFEST_TYPE, manifest);
  context.insert({ ...entry, annotations: { ...former?.annotations, [REF_NAME]: name } });
}

/** Lists the signatures of an image in the index that is tagged with its digest, for who looks there. */
export async function listUnderTag(context: TagContext, subject: Digest): Promise<void> {
  const name = dashed(subject);
  const former = tagged(context, name);
  const node = former && await smallNode(context, former.digest);
  const listed = node?.kind === "index" ? node.edges.map(({ target }) => target) : [];
  const found: Descriptor[] = [];
  for (const one of context.edited.manifests) {
    if (one?.annotations?.[MANAGED] !== "sign" || nameOf(one) !== undefined) continue;
    if (listed.some(({ digest }) => digest === one.digest)) continue;
    if ((await smallNode(context, one.digest))?.subject?.digest !== subject) continue;
    const { mediaType, digest, size } = one;
    const said = Object.entries(one.annotations).filter(([key]) => !key.startsWith("dev.stowage."));
    found.push({
      mediaType,
      digest,
      size,
      artifactType: BUNDLE_TYPE,
      annotations: Object.fromEntries(said),
    });
  }
  if (found.length === 0) return;
  const index = {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    ...node?.json,
    manifests: [...listed, ...found],
  };
  const entry = await context.put(INDEX_TYPE, canonicalJson(index));
  context.insert({ ...entry, annotations: { [REF_NAME]: name } });
}
