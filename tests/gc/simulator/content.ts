// The images that writers push: few, so that they meet, and sharing layers, so that one keeps what another lets go.
import { MANIFEST_TYPE } from "../../../core/mod.ts";
import { type Blobbed, blobOf, CONFIG_TYPE, indexOf, jsonOf, LAYER_TYPE } from "../../images.ts";

/** A manifest or index with all below it, children first and itself last. */
export type Whole = readonly [...Blobbed[], Blobbed];

const layers = [0, 1, 2, 3].map((at) => blobOf(`layer ${at}`, LAYER_TYPE));

function image(at: number): Whole {
  const config = jsonOf({ author: `image ${at}` }, CONFIG_TYPE);
  const own = [layers[at % 4], layers[(at + 1) % 4]].filter((one) => one !== undefined);
  const members = { config: config.descriptor, layers: own.map((one) => one.descriptor) };
  const manifest = { schemaVersion: 2, mediaType: MANIFEST_TYPE, ...members };
  return [config, ...own, jsonOf(manifest, MANIFEST_TYPE)];
}

const images = [0, 1, 2, 3].map(image);
const pair = images.slice(1, 3);
const nested = indexOf(pair.map((one) => rootOf(one).descriptor));

/** All there is to push. */
export const contents: readonly Whole[] = [...images, [...pair.flat(), nested]];

/** What keeps all the rest of it. */
export function rootOf(whole: Whole): Blobbed {
  return whole.at(-1) as Blobbed;
}
