import {
  type Descriptor,
  hookContext,
  isOciError,
  type Layout,
  MANIFEST_TYPE,
  named,
} from "../../core/mod.ts";
import { dashed } from "./candidates.ts";
import {
  LEGACY_CONFIG,
  legacyConfig,
  legacyManifest,
  MOST_PAYLOAD,
  readLegacy,
  SIGS,
  SIMPLE_SIGNING,
} from "./legacy.ts";
import { refOf } from "./statement.ts";
import { small, smallNode } from "./stored.ts";

/** Brings the legacy signatures of one reference, those that name another left out; how many there are. */
export async function exportLegacy(from: Layout, to: Layout, entry: Descriptor): Promise<number> {
  const index = await from.store.root.load();
  const reading = hookContext(from.store, index, "sign");
  const [tag] = named(index, `${dashed(entry.digest)}.sig`);
  const node = tag && await smallNode(reading, tag.digest);
  if (!node) return 0;
  const layers: Descriptor[] = [];
  for (const { role, target } of node.edges) {
    if (role !== "layer" || target.mediaType !== SIMPLE_SIGNING) continue;
    const payload = await small(reading, target.digest, MOST_PAYLOAD);
    if (!payload || !isAbout(payload, refOf(entry))) continue;
    await to.push(target, payload);
    layers.push(target);
  }
  if (layers.length === 0) return 0;
  const { descriptor: config } = await to.push({ mediaType: LEGACY_CONFIG }, legacyConfig(layers));
  const manifest = legacyManifest(config, layers);
  const { descriptor } = await to.push({ mediaType: MANIFEST_TYPE }, manifest);
  await to.transaction((tx) => tx.insert({ ...descriptor, annotations: { kind: SIGS } }));
  return layers.length;
}

/** Whether a payload names this reference, or none. */
function isAbout(payload: Uint8Array, ref: string): boolean {
  try {
    return (readLegacy(payload).ref ?? ref) === ref;
  } catch (error) {
    if (isOciError(error, "refused")) return false;
    throw error;
  }
}
