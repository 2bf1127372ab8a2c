import type { Blobs } from "../../core/mod.ts";
import { verified } from "./body.ts";
import type { TarStore } from "./store.ts";

type Adopt = NonNullable<Blobs["adopt"]>;

/**
 * Places whose blobs are at hand whenever they are read. What comes from afar is staged, and can be resumed; but not in
 * a new archive, which is written in one go.
 */
const NEAR = ["dir:", "tar:", "mem:"];

/** Takes blobs from near places by reading them when the archive is written: straight into it. */
export function adoptLater(store: TarStore): Adopt {
  const { place, pending, version } = store;
  return async (source, { digest, size }, bytes) => {
    if (!bytes || !(store.fresh || NEAR.includes(source.protocol))) return false;
    await place.writing(`Cannot adopt ${digest}`);
    const info = { digest, size, version: version(), modified: new Date(place.time()) };
    async function* whole(bytes: () => AsyncIterable<Uint8Array>) {
      try {
        yield* verified({ digest, size }, bytes());
      } catch (error) {
        // It would be in the way of every later write.
        pending.delete(digest);
        throw error;
      }
    }
    pending.set(digest, { info, body: { digest, size, bytes: () => whole(bytes) } });
    return true;
  };
}
