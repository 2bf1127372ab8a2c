// Makes a large layout fast, for measurements: images of a config and eight layers, all blobs small and rightly named.
//
//   deno run -A scripts/synthetic.ts PLACE BLOBS [GARBAGE]      GARBAGE: the share that nothing reaches, default 0.1
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setImmediate as turn } from "node:timers/promises";

const OCI = "application/vnd.oci.image";
const LAYERS = 8;
/** Images from here on come ten to an index, as platforms do: otherwise the names alone would outgrow index.json. */
const FLAT = 20_000;
const PLATFORMS = 10;

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** What was made. */
export interface Synthetic {
  readonly blobs: number;
  /** Blobs that nothing reaches. */
  readonly garbage: number;
}

/** Makes a layout of about `blobs` blobs in an empty or missing folder. */
export async function makeSynthetic(
  place: string,
  blobs: number,
  share = 0.1,
): Promise<Synthetic> {
  const folder = join(place, "blobs", "sha256");
  mkdirSync(folder, { recursive: true });
  let made = 0;
  const put = (mediaType: string, text: string): Blob => {
    const hex = createHash("sha256").update(text).digest("hex");
    writeFileSync(`${folder}/${hex}`, text, { mode: 0o444 });
    made++;
    return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) };
  };
  const image = (n: number): Blob => {
    const config = put(
      `${OCI}.config.v1+json`,
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        author: `${n}`,
        rootfs: { type: "layers", diff_ids: [] },
      }),
    );
    const layers = Array.from(
      { length: LAYERS },
      (_, at) => put(`${OCI}.layer.v1.tar`, `layer ${at} of image ${n}`),
    );
    const mediaType = `${OCI}.manifest.v1+json`;
    return put(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  };
  const several = (first: number, count: number): Blob => {
    const manifests = Array.from({ length: count }, (_, at) => ({
      ...image(first + at),
      platform: { os: "linux", architecture: "amd64", variant: `v${at}` },
    }));
    const mediaType = `${OCI}.index.v1+json`;
    return put(mediaType, JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  };

  const nested = blobs / (LAYERS + 2) > FLAT;
  const manifests: unknown[] = [];
  let garbage = 0;
  for (let n = 0; made < blobs; n++) {
    const before = made;
    const entry = nested ? several(n * PLATFORMS, PLATFORMS) : image(n);
    // Evenly spread: the share of this one makes another whole.
    if (Math.floor((n + 1) * share) > Math.floor(n * share)) garbage += made - before;
    else {
      const annotations = { "org.opencontainers.image.ref.name": `tag-${n}` };
      manifests.push({ ...entry, annotations });
    }
    if (n % 100 === 0) await turn();
  }
  writeFileSync(join(place, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  writeFileSync(join(place, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  return { blobs: made, garbage };
}

if (import.meta.main) {
  const [place, blobs = "100000", share = "0.1"] = process.argv.slice(2);
  if (place === undefined) throw new Error("Name a place");
  console.log(await makeSynthetic(place, Number(blobs), Number(share)));
}
