import { linkSync, readdirSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { readdir, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Trash } from "../backend.ts";
import { type Digest, isDigest, parseDigest } from "../digest.ts";
import { OciError } from "../errors.ts";
import { renewTime } from "./blob_file.ts";
import type { BlobFiles } from "./blob_files.ts";
import { errnoOf, fileError, ifThere, unlessMissing, wasThere } from "./file_error.ts";
import { lookAt } from "./files.ts";
import { digestOfStray, strayName } from "./limbo.ts";
import type { LocalPlace } from "./local_place.ts";
import type { Bury } from "./removal.ts";

const LOOKS_PER_TURN = 256;
const PURGES_PER_TURN = 64;
const TRIES = 100;
const BATCH = /^[a-z0-9][a-z0-9._-]*$/;

/** What was removed: folders as a deleter has left them, `<batch>/<folder>/<algorithm>-<hex>` in a folder. */
export interface TrashFolder extends Trash {
  /** Keeps a folder of what was removed. */
  readonly bury: Bury;
}

/** The trash in `folder`. */
export function trashFolder(place: LocalPlace, folder: string, files: BlobFiles): TrashFolder {
  const batchPath = (batch: string) => {
    if (BATCH.test(batch)) return join(folder, batch);
    throw new OciError("invalid", `Cannot use ${JSON.stringify(batch)} as a batch`);
  };
  /** The names in a folder; an empty one goes. */
  const namesIn = async (...parts: string[]) => {
    const path = join(folder, ...parts);
    const names = await unlessMissing(readdir(path)) ?? [];
    if (names.length === 0 && !place.readOnly) await rmdir(path).catch(() => {});
    return names;
  };
  /** The folder that the last one was found in: the next one mostly is there, too. */
  let last = "";
  /** Where a blob of a batch may be. */
  function* pathsOf(batch: string, digest: Digest): Generator<string> {
    const [path, name] = [batchPath(batch), strayName(parseDigest(digest))];
    if (last.startsWith(`${path}/`)) yield join(last, name);
    for (const part of ifThere(() => readdirSync(path)) ?? []) {
      last = join(path, part);
      yield join(last, name);
    }
  }

  let purges = 0;

  return {
    async bury(stay, batch) {
      const path = batchPath(batch);
      const buried = join(path, basename(stay));
      await place.disk.step("move blobs to trash");
      for (let tries = 1;; tries++) {
        await place.disk.makeFolder(path);
        try {
          renameSync(stay, buried);
          break;
        } catch (error) {
          // Whoever lists the trash removes what is empty, so the folder of the batch may be gone again.
          if (errnoOf(error) !== "ENOENT" || tries === TRIES || !lookAt(stay)) throw error;
        }
      }
      // From here on nobody finds a way to have one back.
      return readdirSync(buried);
    },

    async *list() {
      try {
        for (const batch of await namesIn()) {
          for (const part of await namesIn(batch)) {
            let looks = 0;
            for (const name of await namesIn(batch, part)) {
              if (++looks % LOOKS_PER_TURN === 0) await turn();
              const digest = digestOfStray(name);
              const stats = isDigest(digest) && lookAt(join(folder, batch, part, name));
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
      const path = files.pathOf(digest);
      await place.writing(action);
      try {
        for (const buried of pathsOf(batch, digest)) {
          const stats = lookAt(buried);
          if (!stats) continue;
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
        }
        return lookAt(path) !== undefined;
      } catch (error) {
        throw fileError(error, action, "write", { digest });
      }
    },

    async purge(batch, digest) {
      const action = `Cannot purge ${digest ?? `batch "${batch}"`}`;
      // Once: among thousands, each look at the place shows.
      if (purges === 0) await place.writing(action);
      if (++purges % PURGES_PER_TURN === 0) await turn();
      try {
        await place.disk.step("purge blob");
        if (digest === undefined) {
          return await rm(batchPath(batch), { recursive: true, force: true });
        }
        for (const buried of pathsOf(batch, digest)) if (wasThere(() => unlinkSync(buried))) return;
      } catch (error) {
        throw fileError(error, action, "write", { digest });
      }
    },
  };
}
