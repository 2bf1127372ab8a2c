import type { Platform } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { OciError } from "./errors.ts";
import { type Edge, kindOf, type Node } from "./manifest.ts";
import { matches, printPlatform } from "./platform.ts";

/** What BuildKit says an attestation is about. */
const ATTESTED = "vnd.docker.reference.digest";

/** An index cut down to some platforms. */
export interface Selection {
  /** The children that stay, in order. */
  readonly edges: readonly Edge[];
  /** The children that go. */
  readonly leftOut: readonly Digest[];
  /** The index that has just these children, its other members kept. */
  readonly bytes: Uint8Array;
}

/**
 * The children of an index that run on the platforms, their attestations, and all that is no manifest.
 *
 * @throws {OciError} `unsupported` if it is no index; `not_found` for a platform without a match.
 */
export function selectChildren(
  node: Node,
  platforms: readonly Platform[],
  name: string,
): Selection {
  if (node.kind !== "index") {
    throw new OciError("unsupported", `Cannot select platforms of ${name}: it is no index`);
  }
  const chosen = new Set<Digest>();
  for (const platform of platforms) {
    const found = node.edges.filter(({ target }) =>
      target.platform && matches(target.platform, platform)
    );
    for (const { target } of found) chosen.add(target.digest);
    if (found.length > 0) continue;
    const there = node.edges.flatMap(({ target }) =>
      target.platform ? [printPlatform(target.platform)] : []
    );
    throw new OciError(
      "not_found",
      `Cannot find ${printPlatform(platform)} in ${name}: there is ${
        there.join(", ") || "no platform"
      }`,
    );
  }
  const stays = ({ target }: Edge) =>
    chosen.has(target.digest) || kindOf(target.mediaType) === undefined ||
    chosen.has(target.annotations?.[ATTESTED] as Digest);
  const edges = node.edges.filter(stays);
  const json = { ...node.json, manifests: edges.map(({ target }) => target) };
  return {
    edges,
    leftOut: node.edges.filter((edge) => !stays(edge)).map(({ target }) => target.digest),
    bytes: new TextEncoder().encode(JSON.stringify(json)),
  };
}
