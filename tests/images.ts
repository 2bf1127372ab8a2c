// Small images to put into layouts.
import {
  type Descriptor,
  digestOf,
  INDEX_TYPE,
  type Layout,
  MANIFEST_TYPE,
  OCTET_STREAM,
  type Platform,
} from "../core/mod.ts";

/** Media types of the parts of an image. */
export const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
export const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Bytes and what describes them. */
export interface Blobbed {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Describes text as a blob. */
export function blobOf(text: string, mediaType = OCTET_STREAM): Blobbed {
  const bytes = utf8(text);
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

/** Describes a JSON value as a blob. */
export function jsonOf(value: Readonly<Record<string, unknown>>, mediaType: string): Blobbed {
  return blobOf(JSON.stringify(value), mediaType);
}

/** What an image is made of besides its text. */
export interface ImageParts {
  readonly platform?: Platform;
  readonly subject?: Descriptor;
  readonly mediaType?: string;
  readonly artifactType?: string;
}

/** An image of one config and one layer, told apart by `text`. */
export interface Image extends Blobbed {
  readonly config: Blobbed;
  readonly layer: Blobbed;
}

export function imageOf(
  text: string,
  { platform, mediaType = MANIFEST_TYPE, ...more }: ImageParts = {},
): Image {
  const config = jsonOf({ ...platform, author: text }, CONFIG_TYPE);
  const layer = blobOf(`layer of ${text}`, LAYER_TYPE);
  const members = { config: config.descriptor, layers: [layer.descriptor], ...more };
  return { config, layer, ...jsonOf({ schemaVersion: 2, mediaType, ...members }, mediaType) };
}

/** An index of children. */
export function indexOf(children: readonly Descriptor[], mediaType = INDEX_TYPE): Blobbed {
  return jsonOf({ schemaVersion: 2, mediaType, manifests: children }, mediaType);
}

/** Pushes blobs, lists nothing. */
export async function pushAll(layout: Layout, ...blobs: readonly Blobbed[]): Promise<void> {
  for (const { descriptor, bytes } of blobs) await layout.push(descriptor, bytes);
}

/** Pushes an image and lists nothing; its descriptor. */
export async function pushImage(
  layout: Layout,
  text: string,
  parts: ImageParts = {},
): Promise<Descriptor> {
  const image = imageOf(text, parts);
  await pushAll(layout, image.config, image.layer, image);
  return image.descriptor;
}
