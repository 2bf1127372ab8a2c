import { linkSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Digest, isDigest, splitDigest } from "../digest.ts";
import { errnoOf, wasThere } from "./file_error.ts";
import { lookAt, uniqueName } from "./files.ts";
import type { LocalPlace } from "./local_place.ts";

/**
 * Where blob files are between being taken from their place and going as one folder: all that one deleter takes in one
 * go. Readers look here for what they miss, so a copy that a writer relied on meanwhile is not lost, even if the deleter
 * dies.
 */
export interface Limbo {
  /** A folder for one deleter; made once something is taken. */
  enter(): Stay;
  /** The copies of a blob that are here. */
  find(digest: Digest): string[];
  /** Links a copy back to its path, unless one stands there; false if the copy is gone. */
  putBack(stray: string, path: string): boolean;
  /** Puts back what deleters have left behind `age` milliseconds ago, to be judged anew. */
  settle(age: number, pathOf: (digest: Digest) => string): void;
}

/** What one deleter has taken. */
export interface Stay {
  /** The folder. */
  readonly path: string;
  /** Takes the file at a path away; undefined if none is there. */
  take(path: string, digest: Digest): Promise<string | undefined>;
  /** Whether anything is here; an empty folder goes. */
  isThere(): boolean;
  /** Puts back what is still here, and tells it. */
  giveBack(pathOf: (digest: Digest) => string): ReadonlySet<Digest>;
}

/** The copies that are kept in `folder` meanwhile. */
export function openLimbo({ clock, disk }: LocalPlace, folder: string): Limbo {
  /** Puts back what is in a folder, and removes it. */
  const emptied = (stay: string, pathOf: (digest: Digest) => string) => {
    const digests = namesIn(stay).map(digestOfStray).filter(isDigest);
    for (const digest of digests) limbo.putBack(join(stay, strayName(digest)), pathOf(digest));
    removeEmpty(stay);
    return new Set(digests);
  };
  const limbo: Limbo = {
    enter() {
      const path = join(folder, uniqueName(clock));
      return {
        path,
        async take(from, digest) {
          const stray = join(path, strayName(digest));
          await disk.step("take blob");
          if (wasThere(() => renameSync(from, stray))) return stray;
          // Gone, or there is no folder yet.
          if (!lookAt(from)) return undefined;
          await disk.makeFolder(path);
          return wasThere(() => renameSync(from, stray)) ? stray : undefined;
        },
        isThere() {
          removeEmpty(path);
          return lookAt(path) !== undefined;
        },
        giveBack: (pathOf) => emptied(path, pathOf),
      };
    },
    find(digest) {
      const name = strayName(digest);
      return namesIn(folder).map((stay) => join(folder, stay, name)).filter(isThere);
    },
    putBack(stray, path) {
      try {
        if (!wasThere(() => linkSync(stray, path))) return false;
      } catch (error) {
        if (errnoOf(error) !== "EEXIST") throw error;
      }
      rmSync(stray, { force: true });
      return true;
    },
    settle(age, pathOf) {
      for (const name of namesIn(folder)) {
        const stay = join(folder, name);
        const stats = lookAt(stay);
        // Each copy that is taken moves the time of the folder.
        if (stats && clock.now() - stats.ctimeMs > age) emptied(stay, pathOf);
      }
    },
  };
  return limbo;
}

/** What a blob is called where the folder does not say its algorithm. */
export function strayName(digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return `${algorithm}-${hex}`;
}

/** The digest of a blob that is called so. */
export function digestOfStray(name: string): Digest {
  return name.replace("-", ":") as Digest;
}

/** Removes a folder, unless something is in it. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!/^(ENOENT|ENOTDIR|ENOTEMPTY|EEXIST)$/.test(errnoOf(error) ?? "")) throw error;
  }
}

/** The names in a folder; none in a file, which is not ours. */
function namesIn(folder: string): string[] {
  // Mostly there is none: an error would cost more than the look.
  if (!lookAt(folder)) return [];
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isNoPlace(error)) return [];
    throw error;
  }
}

function isThere(path: string): boolean {
  try {
    return lookAt(path) !== undefined;
  } catch (error) {
    if (isNoPlace(error)) return false;
    throw error;
  }
}

const isNoPlace = (error: unknown) => /^(ENOENT|ENOTDIR)$/.test(errnoOf(error) ?? "");
