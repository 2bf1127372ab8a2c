import { type Digest, splitDigest } from "../../core/mod.ts";
import type { Place } from "./place.ts";

/** The key of a blob. */
export function blobKey({ client }: Pick<Place, "client">, digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return `${client.address.prefix}blobs/${algorithm}/${hex}`;
}

/** The SHA-256 that a digest tells, in hex. */
export function hashOfDigest(digest: Digest): string | undefined {
  const { algorithm, hex } = splitDigest(digest);
  return algorithm === "sha256" ? hex : undefined;
}
