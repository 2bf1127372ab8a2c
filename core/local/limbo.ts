import { linkSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Digest, splitDigest } from "../digest.ts";
import { errnoOf } from "./file_error.ts";
import { lookAt, uniqueName } from "./files.ts";
import type { LocalPlace } from "./local_place.ts";

/**
 * Where a blob file is between being taken from its place and being known to be the copy that was to go. Readers look
 * here for what they miss, so a copy that a writer relied on meanwhile is not lost, even if the deleter dies.
 */
export interface Limbo {
  /** Takes the file at a path away; undefined if none is there. */
  take(path: string, digest: Digest): Promise<string | undefined>;
  /** The copies of a blob that are here. */
  find(digest: Digest): string[];
  /** Links a copy back to its path, unless one stands there; false if the copy is gone. */
  putBack(stray: string, path: string): boolean;
  /** Puts back what deleters have left behind `age` milliseconds ago, to be judged anew. */
  settle(age: number, pathOf: (digest: Digest) => string): void;
}

/** The copies that are kept in `folder` meanwhile. */
export function openLimbo({ clock, disk }: LocalPlace, folder: string): Limbo {
  const names = () => {
    // Mostly there is none: an error would cost more than the look.
    if (!lookAt(folder)) return [];
    try {
      return readdirSync(folder);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return [];
      throw error;
    }
  };
  const ours = uniqueName(clock);
  let taken = 0;
  const limbo: Limbo = {
    async take(path, digest) {
      const { algorithm, hex } = splitDigest(digest);
      await disk.step("take blob");
      const stray = `${folder}/${algorithm}-${hex}.${ours}${taken++}`;
      if (unlessGone(() => renameSync(path, stray))) return stray;
      // Gone, or there is no folder yet.
      if (!lookAt(path)) return undefined;
      await disk.makeFolder(folder);
      return unlessGone(() => renameSync(path, stray)) ? stray : undefined;
    },
    find(digest) {
      const { algorithm, hex } = splitDigest(digest);
      const prefix = `${algorithm}-${hex}.`;
      return names().filter((name) => name.startsWith(prefix)).map((name) => join(folder, name));
    },
    putBack(stray, path) {
      try {
        if (!unlessGone(() => linkSync(stray, path))) return false;
      } catch (error) {
        if (errnoOf(error) !== "EEXIST") throw error;
      }
      rmSync(stray, { force: true });
      return true;
    },
    settle(age, pathOf) {
      for (const name of names()) {
        const stray = join(folder, name);
        const stats = lookAt(stray);
        const [algorithm, hex] = name.split(/[-.]/);
        if (stats && clock.now() - stats.ctimeMs > age) {
          limbo.putBack(stray, pathOf(`${algorithm}:${hex}`));
        }
      }
    },
  };
  return limbo;
}

/** Whether the file that the work is about was there. */
function unlessGone(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}
