import { renameSync, utimesSync } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Blobs } from "../backend.ts";
import { bytesStream } from "../bytes_stream.ts";
import { type Digest, isDigest, parseDigest, splitDigest } from "../digest.ts";
import { OciError } from "../errors.ts";
import { infoOf, renewTime } from "./blob_file.ts";
import { dirtyFolders } from "./dirty_folders.ts";
import { errnoOf, fileError, unlessMissing } from "./file_error.ts";
import { assertRegular, lookAt, timeOf } from "./files.ts";
import { clampRange, fileStream, READ, smallFile } from "./file_stream.ts";
import { namesIn } from "./folder_names.ts";
import type { Limbo } from "./limbo.ts";
import type { LocalPlace } from "./local_place.ts";

/** Blobs as files, `<algorithm>/<hex>` in a folder. */
export interface BlobFiles extends Pick<Blobs, "stat" | "read" | "list"> {
  /** Where a blob is. */
  pathOf(digest: Digest): string;
  /** Moves a finished file to its name, as a copy of its own even if one stands there. */
  publish(file: string, digest: Digest): Promise<void>;
  /** Puts a copy that is missing back, as a new one, if a deleter holds it. */
  recover(digest: Digest): void;
  /** Notes that the names of a folder are not on the disk yet. */
  touch(folder: string): void;
  /** Waits until what was published is on the disk. */
  flush(): Promise<void>;
}

const LOOKS_PER_TURN = 256;
const READS_PER_TURN = 64;

/** The blobs in `folder`. */
export function blobFiles(place: LocalPlace, folder: string, limbo: Limbo): BlobFiles {
  const { disk } = place;
  const dirty = dirtyFolders(disk);

  const pathOf = (digest: Digest) => {
    const { algorithm, hex } = splitDigest(parseDigest(digest));
    return `${folder}/${algorithm}/${hex}`;
  };
  const recover = (digest: Digest) => {
    for (const stray of limbo.find(digest)) {
      try {
        const stats = lookAt(stray);
        if (!stats) continue;
        // A new version first: who asks relies on it from here on.
        renewTime(place, stray, stats);
        if (limbo.putBack(stray, pathOf(digest))) return;
      } catch (error) {
        if (errnoOf(error) !== "ENOENT") throw error; // Its deleter was faster.
      }
    }
  };
  /** Where a blob may be: in its place, with a deleter who looks at it, and back in its place by then. */
  function* pathsOf(digest: Digest): Generator<string> {
    yield pathOf(digest);
    yield* limbo.find(digest);
    yield pathOf(digest);
  }
  const openBlob = async (digest: Digest): Promise<FileHandle | undefined> => {
    for (const path of pathsOf(digest)) {
      const file = await unlessMissing(open(path, READ));
      if (file) return file;
    }
    return undefined;
  };
  let smallReads = 0;
  /** A blob whose bytes are few, read at once; undefined for a larger one, and one that is not in its place. */
  const readSmall = async (digest: Digest, action: string) => {
    // Others must have a turn now and then.
    if (++smallReads % READS_PER_TURN === 0) await turn();
    return smallFile(pathOf(digest), action);
  };

  return {
    pathOf,
    recover,
    touch: (path) => dirty.add(path),
    flush: () => dirty.flush(),

    // deno-lint-ignore require-await
    async stat(digest) {
      const action = `Cannot look at ${digest}`;
      try {
        let stats = lookAt(pathOf(digest));
        if (!stats && !place.readOnly) recover(digest);
        for (const path of stats ? [] : pathsOf(digest)) stats ??= lookAt(path);
        return stats && infoOf(digest, stats, action);
      } catch (error) {
        throw fileError(error, action, "read", { digest });
      }
    },

    async read(digest, range = {}) {
      const action = `Cannot read ${digest}`;
      try {
        const bytes = await readSmall(digest, action);
        if (bytes) {
          const { start, end } = clampRange(range, bytes.length, action);
          return bytesStream(bytes.subarray(start, end));
        }
        const file = await openBlob(digest);
        if (!file) throw new OciError("not_found", `${action}: it is not stored`, { digest });
        try {
          const stats = await file.stat();
          assertRegular(stats, action);
          const part = clampRange(range, stats.size, action);
          return fileStream(file.fd, { ...part, close: () => file.close() }, action);
        } catch (error) {
          await file.close();
          throw error;
        }
      } catch (error) {
        throw fileError(error, action, "read", { digest });
      }
    },

    async *list({ skip } = {}) {
      const action = "Cannot list the blobs";
      const strangers: string[] = [];
      try {
        for (const algorithm of await unlessMissing(readdir(folder)) ?? []) {
          const path = `${folder}/${algorithm}`;
          let looks = 0;
          const skipHex = algorithm === "sha256" ? skip?.hex : undefined;
          const isFolder = lookAt(path)?.isDirectory();
          for await (const names of isFolder ? namesIn(path, skipHex) : [[""]]) {
            await turn();
            for (const hex of names) {
              if (++looks % LOOKS_PER_TURN === 0) await turn();
              const digest = `${algorithm}:${hex}`;
              if (!isDigest(digest)) {
                strangers.push(`${algorithm}/${hex}`);
                continue;
              }
              if (skip?.(digest)) continue;
              const stats = lookAt(`${path}/${hex}`);
              if (stats?.isFile()) yield infoOf(digest, stats, action);
              else if (stats) strangers.push(`${algorithm}/${hex}`);
            }
          }
        }
      } catch (error) {
        throw fileError(error, action, "read");
      }
      if (strangers.length > 0) place.notice("foreign_blobs", describe(strangers));
    },

    async publish(file, digest) {
      const path = pathOf(digest);
      await disk.makeFolder(dirname(path));
      const stands = lookAt(path);
      const time = new Date(place.time(stands ? timeOf(stands) : 0));
      utimesSync(file, time, time);
      await disk.step("rename blob");
      renameSync(file, path);
      dirty.add(dirname(path));
    },
  };
}

function describe(strangers: readonly string[]): string {
  const more = strangers.length > 1 ? ` and ${strangers.length - 1} more` : "";
  return `Left "${strangers[0]}"${more} out of the listing: not a blob`;
}
