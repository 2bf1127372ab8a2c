import {
  type BlobInfo,
  type Descriptor,
  type Digest,
  isOciError,
  type Layout,
  randomHex,
  read,
} from "../../../core/mod.ts";
import { isSound } from "./sound.ts";

/** Mends a blob that is missing or damaged; undefined if it must stay as it is. */
export type Mend = (
  target: Pick<Descriptor, "digest">,
) => Promise<"replaced" | "aside" | undefined>;

/** Leaves everything as it is. */
export const leave: Mend = () => Promise.resolve(undefined);

/**
 * Replaces what is missing or damaged by a copy from the first source that has a sound one; else sets a damaged copy
 * aside, so that the next push brings a sound one. Where nothing can come back, it is left where it is.
 */
export function createMend({ store }: Layout, sources: readonly Layout[]): Mend {
  const { blobs } = store.backend;
  const batch = `check-${randomHex(store.clock, 8)}`;

  async function setAside(digest: Digest): Promise<boolean> {
    const seen = await blobs.stat(digest);
    if (!seen) return false;
    const [removal] = await blobs.delete([seen], { batch });
    store.stamps.delete(digest);
    if (removal?.error) throw removal.error;
    return removal?.outcome === "removed";
  }

  /** Stores the copy of a source; the damaged one goes only once the sound one is whole. */
  async function replace(digest: Digest, source: Layout): Promise<boolean> {
    const found = await source.store.backend.blobs.stat(digest);
    if (!found) return false;
    const blob = { digest, size: found.size };
    await using ingest = await blobs.ingest({ expect: blob });
    try {
      const stream = await read(source.store, blob);
      await stream.pipeTo(ingest.writable, { preventClose: true, preventAbort: true });
    } catch (error) {
      if (isOciError(error, "not_found", "corrupt", "unsupported")) return false;
      throw error;
    }
    await setAside(digest);
    await ingest.commit(blob);
    return true;
  }

  return async ({ digest }) => {
    let stored: BlobInfo | undefined;
    try {
      stored = await blobs.stat(digest);
      if (stored && await isSound(store, digest)) return undefined;
    } catch (error) {
      if (isOciError(error, "unsupported")) return undefined;
      if (!isOciError(error, "corrupt")) throw error;
    }
    for (const source of sources) if (await replace(digest, source)) return "replaced";
    if (!stored || !blobs.trash) return undefined;
    return await setAside(digest) ? "aside" : undefined;
  };
}
