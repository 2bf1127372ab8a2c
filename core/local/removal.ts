import { setImmediate as turn } from "node:timers/promises";
import type { BlobInfo, Blobs, Removal } from "../backend.ts";
import type { Clock } from "../clock.ts";
import { OciError } from "../errors.ts";
import { infoOf } from "./blob_file.ts";
import type { BlobFiles } from "./blob_files.ts";
import { errnoOf, fileError } from "./file_error.ts";
import { lookAt } from "./files.ts";
import { type Limbo, type Stay, strayName } from "./limbo.ts";
import type { LocalPlace } from "./local_place.ts";

/** What becomes of a folder of copies that were to go: it is moved or removed. Gives the names that were in it then. */
export type Bury = (folder: string, batch: string) => Promise<readonly string[]>;

const REMOVALS_PER_TURN = 64;
const LOOSE = "loose";

/**
 * Removes exactly the copies seen, without a lock: taken away first, looked at then, put back if they are others. What
 * was taken goes in one step at the end; until then a writer may have it back.
 */
export function removeBlobs(
  place: LocalPlace,
  files: BlobFiles,
  limbo: Limbo,
  bury: Bury,
): Blobs["delete"] {
  async function remove(seen: BlobInfo, stay: Stay): Promise<Removal["outcome"]> {
    const { digest } = seen;
    const action = `Cannot delete ${digest}`;
    const path = files.pathOf(digest);
    const isSeen = (at: string) => {
      const stats = lookAt(at);
      return stats && infoOf(digest, stats, action).version === seen.version;
    };
    const stands = isSeen(path);
    if (!stands) return stands === undefined ? "absent" : "replaced";
    const stray = await stay.take(path, digest);
    if (stray === undefined) return "absent";
    try {
      await place.disk.step("look at taken blob");
      if (isSeen(stray)) return "removed";
    } catch (error) {
      // A writer who adopted it has put it back already.
      if (!limbo.putBack(stray, path) && errnoOf(error) === "ENOENT") return "replaced";
      throw error;
    }
    await place.disk.step("put blob back");
    limbo.putBack(stray, path);
    return "replaced";
  }

  /** Buries what was taken. What a writer has had back was replaced; if it fails, all of it is put back. */
  async function leave(stay: Stay, removals: Removal[], batch: string): Promise<void> {
    if (!stay.isThere()) return replace(removals, () => true);
    try {
      const gone = new Set(await bury(stay.path, batch));
      replace(removals, ({ digest }) => !gone.has(strayName(digest)));
    } catch (cause) {
      const error = fileError(cause, "Cannot delete blobs");
      const left = stay.giveBack(files.pathOf);
      replace(removals, ({ digest }) => !left.has(digest));
      for (const [at, { digest, outcome }] of removals.entries()) {
        if (outcome === "removed") removals[at] = { digest, outcome: "failed", error };
      }
    }
  }

  return async (seen, { until, batch = LOOSE, signal } = {}) => {
    await place.writing("Cannot delete blobs");
    const removals: Removal[] = [];
    const stay = limbo.enter();
    for (const blob of seen) {
      const { digest } = blob;
      try {
        assertInTime(place.clock, until, signal);
        removals.push({ digest, outcome: await remove(blob, stay) });
      } catch (error) {
        const reason = fileError(error, `Cannot delete ${digest}`, "write", { digest });
        removals.push({ digest, outcome: "failed", error: reason });
      }
      if (removals.length % REMOVALS_PER_TURN === 0) await turn();
    }
    await leave(stay, removals, batch);
    return removals;
  };
}

/** Says of what was to be removed, and is not gone, that it was replaced. */
function replace(removals: Removal[], isBack: (removal: Removal) => boolean): void {
  for (const [at, removal] of removals.entries()) {
    if (removal.outcome !== "removed" || !isBack(removal)) continue;
    removals[at] = { ...removal, outcome: "replaced" };
  }
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
