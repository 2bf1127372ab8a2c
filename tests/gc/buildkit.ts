// What BuildKit does to the folder of `--cache-to type=local`, step by step, as its client does it.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Descriptor, flock, INDEX_TYPE, REF_NAME, systemClock } from "../../core/mod.ts";
import { type Blobbed, blobOf, imageOf, indexOf, jsonOf, LAYER_TYPE } from "../images.ts";
import type { Place } from "../layouts.ts";

const CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0";

/** A cache: its manifest, and all it holds. */
export interface Cache {
  readonly manifest: Blobbed;
  readonly blobs: readonly Blobbed[];
}

/** A cache of these layers: an index whose manifests are layers, or with `image-manifest=true` an image. */
export function cacheOf(layers: readonly string[], form: "index" | "image"): Cache {
  const blobs = layers.map((text) => blobOf(`layer ${text}`, LAYER_TYPE));
  const records = blobs.map(({ descriptor: { digest } }) => ({ layer: digest }));
  const config = jsonOf({ layers: records, records: [{ digest: "step" }] }, CACHE_CONFIG);
  const annotations = { "buildkit/createdat": "2026-01-01T00:00:00Z" };
  const listed = blobs.map(({ descriptor }) => ({ ...descriptor, annotations }));
  const { mediaType } = imageOf("").descriptor;
  const manifest = form === "index" ? indexOf([...listed, config.descriptor]) : jsonOf(
    { schemaVersion: 2, mediaType, config: config.descriptor, layers: listed },
    mediaType,
  );
  return { manifest, blobs: [...blobs, config] };
}

/** The steps of an export: each blob that is not there by way of `ingest/`, then the index in place, under its lock. */
export function exportSteps(place: Place, cache: Cache, tag?: string): (() => Promise<void>)[] {
  const root = fileURLToPath(place.url.href.replace(/^dir:/, "file:"));
  const write = ({ descriptor: { digest }, bytes }: Blobbed) => {
    const path = join(root, "blobs", ...digest.split(":"));
    const draft = join(root, "ingest", digest.slice(7, 20), "data");
    const start = () => {
      // What is there is not written again, however old it is.
      if (statSync(path, { throwIfNoEntry: false })) return;
      mkdirSync(dirname(draft), { recursive: true });
      writeFileSync(join(dirname(draft), "ref"), digest);
      writeFileSync(draft, bytes);
    };
    const commit = () => {
      if (!statSync(draft, { throwIfNoEntry: false })) return;
      mkdirSync(dirname(path), { recursive: true });
      renameSync(draft, path);
      rmSync(dirname(draft), { recursive: true });
    };
    return [start, commit].map((act) => () => Promise.try(act));
  };
  return [
    ...cache.blobs.flatMap(write),
    ...write(cache.manifest),
    async () => {
      const lock = join(root, "index.json.lock");
      using _held = await flock(lock, { clock: systemClock, wait: 5_000 });
      const path = join(root, "index.json");
      const index = JSON.parse(readFileSync(path, "utf8"));
      writeFileSync(path, JSON.stringify(withCache(index, cache.manifest.descriptor, tag)));
      rmSync(lock, { force: true });
    },
  ];
}

/** An export of a cache, whole. */
export async function exportCache(place: Place, cache: Cache, tag?: string): Promise<void> {
  for (const step of exportSteps(place, cache, tag)) await step();
}

/** The index as BuildKit writes it: the former cache of that tag stays, without the tag. */
function withCache(index: { manifests?: Descriptor[] }, cache: Descriptor, tag = "latest") {
  const former = (index.manifests ?? []).map(({ annotations = {}, ...entry }) => {
    const rest = Object.entries(annotations).filter(([key, value]) =>
      key !== REF_NAME || value !== tag
    );
    return rest.length > 0 ? { ...entry, annotations: Object.fromEntries(rest) } : entry;
  });
  const entry = { ...cache, annotations: { [REF_NAME]: tag } };
  return { ...index, schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...former, entry] };
}
