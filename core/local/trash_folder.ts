import { linkSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Trash } from "../backend.ts";
import { type Digest, isDigest, parseDigest, splitDigest } from "../digest.ts";
import { OciError } from "../errors.ts";
import { renewTime } from "./blob_file.ts";
import type { BlobFiles } from "./blob_files.ts";
import { errnoOf, fileError, unlessMissing } from "./file_error.ts";
import { lookAt } from "./files.ts";
import type { LocalPlace } from "./local_place.ts";
import type { Bury } from "./removal.ts";

const BATCH = /^[a-z0-9][a-z0-9._-]*$/;

/** What was removed, `<batch>/<algorithm>/<hex>` in a folder. */
export interface TrashFolder extends Trash {
  /** Keeps what was removed. */
  readonly bury: Bury;
}

/** The trash in `folder`. */
export function trashFolder(place: LocalPlace, folder: string, files: BlobFiles): TrashFolder {
  const pathOf = (batch: string, digest: Digest) => {
    if (!BATCH.test(batch)) {
      throw new OciError("invalid", `Cannot use ${JSON.stringify(batch)} as a batch`);
    }
    const { algorithm, hex } = splitDigest(parseDigest(digest));
    return `${folder}/${batch}/${algorithm}/${hex}`;
  };
  /** The names in a folder; an empty one goes. */
  const namesIn = async (...parts: string[]) => {
    const path = join(folder, ...parts);
    const names = await unlessMissing(readdir(path)) ?? [];
    if (names.length === 0 && !place.readOnly) await rmdir(path).catch(() => {});
    return names;
  };

  let purging = false;

  return {
    async bury(stray, { digest }, batch) {
      const path = pathOf(batch, digest);
      await place.disk.step("move blob to trash");
      try {
        renameSync(stray, path);
      } catch (error) {
        if (errnoOf(error) !== "ENOENT") throw error;
        // The first of its batch, or somebody has just removed the empty folder.
        await place.disk.makeFolder(dirname(path));
        renameSync(stray, path);
      }
    },

    async *list() {
      try {
        for (const batch of await namesIn()) {
          for (const algorithm of await namesIn(batch)) {
            for (const hex of await namesIn(batch, algorithm)) {
              const digest = `${algorithm}:${hex}`;
              const stats = isDigest(digest) && lookAt(join(folder, batch, algorithm, hex));
              // Renaming moves this time, and nothing else does while it is here.
              if (stats) {
                yield { batch, digest, size: stats.size, removed: new Date(stats.ctimeMs) };
              }
            }
          }
        }
      } catch (error) {
        throw fileError(error, "Cannot list the trash", "read");
      }
    },

    async restore(batch, digest) {
      const action = `Cannot restore ${digest}`;
      const [buried, path] = [pathOf(batch, digest), files.pathOf(digest)];
      await place.writing(action);
      try {
        const stats = lookAt(buried);
        if (!stats) return lookAt(path) !== undefined;
        if (!lookAt(path)) renewTime(place, buried, stats);
        await place.disk.makeFolder(dirname(path));
        await place.disk.step("restore blob");
        try {
          linkSync(buried, path);
          files.touch(dirname(path));
        } catch (error) {
          if (errnoOf(error) !== "EEXIST") throw error;
        }
        rmSync(buried, { force: true });
        return true;
      } catch (error) {
        throw fileError(error, action, "write", { digest });
      }
    },

    async purge(batch, digest) {
      const action = `Cannot purge ${digest}`;
      // Once: among thousands, each look at the place shows.
      if (!purging) await place.writing(action);
      purging = true;
      try {
        await place.disk.step("purge blob");
        unlinkSync(pathOf(batch, digest));
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return;
        throw fileError(error, action, "write", { digest });
      }
    },
  };
}
