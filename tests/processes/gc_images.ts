// Images of parts that they share: whoever pushes one mostly finds its parts stored, by others, or just being collected.
import { type Blobbed, blobOf, CONFIG_TYPE, jsonOf, LAYER_TYPE } from "../images.ts";
import { MANIFEST_TYPE } from "../../core/mod.ts";

/** An image and its parts. */
export interface Image {
  readonly manifest: Blobbed;
  readonly parts: readonly Blobbed[];
}

/** How many there are: far more than names, so that most of what is pushed is garbage before long. */
export const POOL = 60;

/** Some are larger than what a collector opens to look for a referrer. */
const layer = (n: number) => blobOf(`layer ${n} `.repeat(n % 5 === 0 ? 20_000 : 100), LAYER_TYPE);

/** The n-th image of the pool: a config of six, a layer of ten, another of ten. */
export function pooledImage(n: number): Image {
  const config = jsonOf({ architecture: "amd64", os: "linux", author: `${n % 6}` }, CONFIG_TYPE);
  const layers = [layer(n % 10), layer(10 + Math.floor(n / 6))];
  const mediaType = MANIFEST_TYPE;
  const manifest = jsonOf({
    schemaVersion: 2,
    mediaType,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  }, mediaType);
  return { manifest, parts: [config, ...layers] };
}
