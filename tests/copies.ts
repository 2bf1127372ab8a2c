// What copies are tested with.
import {
  type Backend,
  type Descriptor,
  type Digest,
  INDEX_TYPE,
  type Layout,
  parsePlatform,
} from "../core/mod.ts";
import { withBlobs } from "./faults.ts";
import { imageOf, indexOf, jsonOf, pushAll } from "./images.ts";
import type { Place } from "./layouts.ts";

/** The digests of descriptors. */
export const digests = (list: readonly Descriptor[]) => list.map(({ digest }) => digest);
/** The names a layout lists. */
export const names = async (layout: Layout) => (await layout.references()).map(({ name }) => name);

/** A store that counts the bytes read from it. */
export function counted(backend: Backend) {
  const reads: Digest[] = [];
  const seen = { reads, bytes: 0 };
  const over = withBlobs(backend, ({ read }) => ({
    async read(digest, range) {
      reads.push(digest);
      return (await read(digest, range)).pipeThrough(
        new TransformStream({
          transform: (chunk, controller) => (seen.bytes += chunk.length, controller.enqueue(chunk)),
        }),
      );
    },
  }));
  return { over, seen };
}

/** A store that declines to adopt. */
export const declining = (backend: Backend) =>
  withBlobs(backend, () => ({ adopt: () => Promise.resolve(false) }));

/** Three images, and an index of two. */
export const [first, second, third] = [imageOf("first"), imageOf("second"), imageOf("third")];
export const index = indexOf([first.descriptor, second.descriptor]);
export const images = [first, second].flatMap((image) => [image.config, image.layer, image]);

/** A place to copy from, with an index of two images as `v1` and one of them as `one`. */
export async function source(there: Place): Promise<Layout> {
  const layout = await there.open();
  await pushAll(layout, ...images, index);
  await layout.tag(index.descriptor, "v1");
  await layout.tag(first.descriptor, "one");
  return layout;
}

/** An image as the child of an index. */
export const on = (image: typeof first, platform: string): Descriptor => ({
  ...image.descriptor,
  platform: parsePlatform(platform),
});
export const proof = imageOf("proof of second");
const attestation: Descriptor = {
  ...on(proof, "unknown/unknown"),
  annotations: { "vnd.docker.reference.digest": second.descriptor.digest },
};
/** An index of three platforms and an attestation of the second. */
export const multi = jsonOf({
  schemaVersion: 2,
  mediaType: INDEX_TYPE,
  manifests: [
    on(first, "linux/amd64"),
    on(second, "linux/arm64"),
    on(third, "linux/s390x"),
    attestation,
  ],
  annotations: { of: "the index" },
}, INDEX_TYPE);

/** A place with that index as `multi`. */
export async function platforms(there: Place): Promise<Layout> {
  const layout = await there.open();
  const parts = [first, second, third, proof].flatMap((
    image,
  ) => [image.config, image.layer, image]);
  await pushAll(layout, ...parts, multi);
  await layout.tag(multi.descriptor, "multi");
  return layout;
}
