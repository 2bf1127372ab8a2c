import { type BlobInfo, isOciError } from "../../core/mod.ts";
import { base64 } from "./hash.ts";
import { copyObject } from "./multipart.ts";
import { bareEtag } from "./objects.ts";
import type { Place } from "./place.ts";
import type { Client } from "./client.ts";
import { blobKey, hashOfDigest } from "./blob_key.ts";

/** Opens a client for another place, to see whether it is of the same store. */
export type Neighbour = (url: URL) => Promise<Client>;

/**
 * Copies a blob within the store from another place of it, if that is reached by the same server and user, and holds it
 * with that size; a sum that the store kept of it must agree.
 */
export function adoptBlob(
  place: Place,
  neighbour: Neighbour,
): (source: URL, blob: BlobInfo) => Promise<boolean> {
  const { client } = place;
  return async (source, { digest, size }) => {
    place.assertWritable(`store ${digest}`);
    if (source.protocol !== client.address.url.protocol) return false;
    const other = await neighbour(source);
    if (!await client.isSame(other)) return false;
    const action = `copy ${digest} within the store`;
    const key = blobKey({ ...place, client: other }, digest);
    try {
      const { status, headers } = await other.send({
        operation: "HeadObject",
        action,
        method: "HEAD",
        key,
        headers: { "x-amz-checksum-mode": "ENABLED" },
        accept: [404],
      });
      if (status === 404 || Number(headers["content-length"]) !== size) return false;
      const [sum, hash] = [headers["x-amz-checksum-sha256"], hashOfDigest(digest)];
      if (sum !== undefined && hash && !sum.includes("-") && sum !== base64(hash)) return false;
      const { bucket } = other.where;
      const etag = bareEtag(headers["etag"]);
      await copyObject(client, { bucket, key, etag }, blobKey(place, digest), size, action);
      return true;
    } catch (error) {
      // Not there any more, or not to be had by this user: then its bytes go the long way.
      if (isOciError(error, "not_found", "refused", "conflict", "unsupported")) return false;
      throw error;
    }
  };
}
