import { type Digest, IMAGE_NAME, nameOf, splitName } from "../../core/mod.ts";
import { blobName } from "./names.ts";
import { type Graph, listedIn } from "./order.ts";

/** What `docker load` reads where images are kept by a graph driver: one element for each image that is listed. */
export function dockerManifest(
  index: string | undefined,
  { nodes }: Graph,
  isThere: (digest: Digest) => boolean,
): string {
  const images = new Map<Digest, { Config: string; RepoTags: string[]; Layers: string[] }>();
  for (const entry of listedIn(index)) {
    for (const digest of imagesOf(entry.digest, nodes)) {
      const edges = nodes.get(digest)?.edges ?? [];
      const config = edges.find(({ role }) => role === "config")?.target.digest;
      const layers = edges.filter(({ role }) => role === "layer").map(({ target }) =>
        target.digest
      );
      if (!config || ![config, ...layers].every(isThere)) continue;
      const image = images.get(digest) ??
        { Config: blobName(config), RepoTags: [], Layers: layers.map(blobName) };
      const name = entry.annotations?.[IMAGE_NAME] ?? nameOf(entry);
      // Docker takes a name alone for a repository.
      if (name !== undefined && splitName(name).repository !== undefined) image.RepoTags.push(name);
      images.set(digest, image);
    }
  }
  return JSON.stringify([...images.values()]);
}

/** The image manifest of an entry; of an index the first of its children that is there. */
function imagesOf(digest: Digest, nodes: Graph["nodes"]): Digest[] {
  const node = nodes.get(digest);
  if (!node) return [];
  if (node.kind === "manifest") return [digest];
  for (const { target } of node.edges) {
    const { os } = target.platform ?? {};
    if (os !== "unknown" && nodes.get(target.digest)?.kind === "manifest") return [target.digest];
  }
  return [];
}
