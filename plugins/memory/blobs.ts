import {
  type BlobInfo,
  type Blobs,
  type Clock,
  type Digest,
  OciError,
  type Removal,
} from "../../core/mod.ts";
import { createDrafts } from "./drafts.ts";

interface Copy {
  readonly info: BlobInfo;
  readonly bytes: Blob;
}

/** Blobs in a map. `blobsOf` finds those of a place that a URL names. */
export function createBlobs(
  clock: Clock,
  version: () => string,
  blobsOf: (source: URL) => Blobs | undefined,
): Blobs {
  const copies = new Map<Digest, Copy>();
  const trash = new Map<string, Copy & { readonly batch: string; readonly removed: Date }>();

  const publish = ({ digest, size }: BlobInfo, bytes: Blob): BlobInfo => {
    const info = { digest, size, modified: new Date(clock.now()), version: version() };
    copies.set(digest, { info, bytes });
    return info;
  };

  const remove = (seen: BlobInfo, batch: string | undefined): Removal["outcome"] => {
    const copy = copies.get(seen.digest);
    if (!copy) return "absent";
    if (copy.info.version !== seen.version) return "replaced";
    copies.delete(seen.digest);
    const entry = { ...copy, batch: batch ?? "", removed: new Date(clock.now()) };
    if (batch !== undefined) trash.set(`${batch}/${seen.digest}`, entry);
    return "removed";
  };

  return {
    ...createDrafts(clock, publish),

    stat: (digest) => Promise.resolve(copies.get(digest)?.info),

    read: (digest, { start, end } = {}) =>
      Promise.try(() => {
        const copy = copies.get(digest);
        if (copy) return copy.bytes.slice(start, end).stream();
        throw new OciError("not_found", `Cannot read ${digest}: it is not there`, { digest });
      }),

    async *list({ skip } = {}) {
      for (const { info } of [...copies.values()]) if (!skip?.(info.digest)) yield info;
    },

    delete: (seen, { until, batch, signal } = {}) =>
      Promise.try(() =>
        seen.map((blob): Removal => {
          const { digest } = blob;
          const late = until !== undefined && clock.now() >= until.getTime();
          if (!late && !signal?.aborted) return { digest, outcome: remove(blob, batch) };
          const error = new OciError("aborted", `Cannot delete ${digest}: time is up`, { digest });
          return { digest, outcome: "failed", error };
        })
      ),

    renew: (seen) =>
      Promise.try(() => {
        const { digest } = seen;
        const copy = copies.get(digest);
        if (copy && copy.info.version === seen.version) return publish(copy.info, copy.bytes);
        throw new OciError("conflict", `Cannot renew ${digest}: it is gone or replaced`, {
          digest,
        });
      }),

    async adopt(source, { digest, size }) {
      const from = blobsOf(source);
      if ((await from?.stat(digest))?.size !== size) return false;
      const stream = await from?.read(digest);
      publish({ digest, size }, await new Response(stream).blob());
      return true;
    },

    trash: {
      async *list() {
        for (const { batch, info: { digest, size }, removed } of [...trash.values()]) {
          yield { batch, digest, size, removed };
        }
      },
      restore: (batch, digest) =>
        Promise.try(() => {
          const entry = trash.get(`${batch}/${digest}`);
          if (entry && !copies.has(digest)) publish(entry.info, entry.bytes);
          trash.delete(`${batch}/${digest}`);
          return copies.has(digest);
        }),
      purge: (batch, digest) =>
        Promise.try(() => {
          if (digest !== undefined) return void trash.delete(`${batch}/${digest}`);
          for (const [key, entry] of trash) if (entry.batch === batch) trash.delete(key);
        }),
    },
  };
}
