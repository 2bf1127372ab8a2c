import { type BlobInfo, type Digest, OciError, splitDigest } from "../../core/mod.ts";
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

/**
 * Throws unless a write may be committed as this blob: `corrupt` after another number of bytes, `invalid` if it was begun
 * as another digest.
 */
export function checkCommit(
  { digest, size }: BlobInfo,
  { offset, expected = digest }: {
    readonly offset: number;
    readonly expected?: Digest | undefined;
  },
): void {
  if (offset !== size) {
    const why = `${offset} bytes were written, not ${size}`;
    throw new OciError("corrupt", `Cannot store ${digest}: ${why}`, { digest });
  }
  if (digest !== expected) {
    throw new OciError("invalid", `Cannot store ${digest}: it was begun as ${expected}`, {
      digest,
    });
  }
}
