import { setImmediate as turn } from "node:timers/promises";
import type { BlobInfo, Blobs, Removal } from "../backend.ts";
import type { Clock } from "../clock.ts";
import { OciError } from "../errors.ts";
import { infoOf } from "./blob_file.ts";
import type { BlobFiles } from "./blob_files.ts";
import { errnoOf, fileError } from "./file_error.ts";
import { lookAt } from "./files.ts";
import type { Limbo } from "./limbo.ts";
import type { LocalPlace } from "./local_place.ts";

/** What becomes of a file that was the copy to go: it is moved or removed. */
export type Bury = (stray: string, blob: BlobInfo, batch: string) => Promise<void>;

const REMOVALS_PER_TURN = 64;
const LOOSE = "loose";

/** Removes exactly the copies seen, without a lock: taken away first, looked at then, put back if they are others. */
export function removeBlobs(
  place: LocalPlace,
  files: BlobFiles,
  limbo: Limbo,
  bury: Bury,
): Blobs["delete"] {
  async function remove(seen: BlobInfo, batch: string): Promise<Removal["outcome"]> {
    const { digest } = seen;
    const action = `Cannot delete ${digest}`;
    const path = files.pathOf(digest);
    const isSeen = (at: string) => {
      const stats = lookAt(at);
      return stats && infoOf(digest, stats, action).version === seen.version;
    };
    const stands = isSeen(path);
    if (!stands) return stands === undefined ? "absent" : "replaced";
    const stray = await limbo.take(path, digest);
    if (stray === undefined) return "absent";
    try {
      await place.disk.step("look at taken blob");
      if (isSeen(stray)) {
        await bury(stray, seen, batch);
        return "removed";
      }
    } catch (error) {
      // A writer who adopted it has put it back already.
      if (!limbo.putBack(stray, path) && errnoOf(error) === "ENOENT") return "replaced";
      throw error;
    }
    await place.disk.step("put blob back");
    limbo.putBack(stray, path);
    return "replaced";
  }

  return async (seen, { until, batch = LOOSE, signal } = {}) => {
    await place.writing("Cannot delete blobs");
    const removals: Removal[] = [];
    for (const blob of seen) {
      const { digest } = blob;
      try {
        assertInTime(place.clock, until, signal);
        removals.push({ digest, outcome: await remove(blob, batch) });
      } catch (error) {
        const reason = fileError(error, `Cannot delete ${digest}`, "write", { digest });
        removals.push({ digest, outcome: "failed", error: reason });
      }
      if (removals.length % REMOVALS_PER_TURN === 0) await turn();
    }
    return removals;
  };
}

function assertInTime(
  clock: Clock,
  until: Date | undefined,
  signal: AbortSignal | undefined,
): void {
  const late = until !== undefined && clock.now() >= until.getTime();
  if (late || signal?.aborted) {
    const why = late ? "its time is over" : "the signal has aborted";
    throw new OciError("aborted", `Cannot delete a blob: ${why}`);
  }
}
