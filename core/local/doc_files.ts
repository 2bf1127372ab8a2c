import { createHash } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { dirname, join } from "node:path";
import type { Docs } from "../backend.ts";
import { OciError } from "../errors.ts";
import { utf8Pieces } from "../utf8_pieces.ts";
import { type DocFile, docReader, mayStand, versionOf } from "./doc_file.ts";
import { docNames } from "./doc_names.ts";
import { fileError, ifThere, orUnknown } from "./file_error.ts";
import type { FileLock } from "./file_lock.ts";
import { lookAt, timeOf, uniqueName } from "./files.ts";
import type { LocalPlace } from "./local_place.ts";
import { writeAt } from "./positions.ts";

/** More care for one document, from the lock to its release. */
export interface DocGuard extends Disposable {
  /** Called once the new text is staged: the last chance to keep the old file. */
  keep(old: DocFile): Promise<void>;
  /** Throws once somebody else may write the document. */
  assertHeld(): void;
}

/** Where documents are and what stands between them and a change. */
export interface DocFilesOptions {
  /** The path of a name, or of a folder's name that ends with a slash. */
  readonly pathOf: (name: string) => string;
  /** The folders in which documents are, by name: empty, or ending with a slash. */
  readonly folders: readonly string[];
  /** Names that are no documents, nor is what is below them. */
  readonly reserved: readonly string[];
  readonly lock: FileLock;
  /** Milliseconds to wait for the lock. */
  readonly wait: number;
  /** Waits until what was published before is on the disk. */
  readonly flush: () => Promise<void>;
  /** Guards one swap. */
  readonly guard?: (name: string) => Promise<DocGuard | undefined>;
}

/** Documents as files: replaced by renaming, under a lock, if they are still as they were seen. */
export function docFiles(place: LocalPlace, options: DocFilesOptions): Docs {
  const { disk } = place;
  const { pathOf, lock, wait } = options;
  const names = docNames(options.reserved);
  const reader = docReader(() => place.clock.now());

  function* below(folder: string, prefix: string): Generator<string> {
    const entries = ifThere(() => readdirSync(pathOf(folder))) ?? [];
    for (const name of entries.map((entry) => folder + entry)) {
      if (!names.has(name)) continue;
      const stats = lookAt(pathOf(name));
      if (stats?.isFile() && name.startsWith(prefix)) yield name;
      const within = `${name}/`;
      const wanted = within.startsWith(prefix) || prefix.startsWith(within);
      if (stats?.isDirectory() && folder !== "" && wanted) yield* below(within, prefix);
    }
  }

  /** Puts a staged file, or nothing, in the place of a document. */
  async function replace(name: string, staged: string | undefined, assertHeld: () => void) {
    const path = pathOf(name);
    await disk.step("replace document");
    assertHeld();
    await orUnknown(`Cannot swap "${name}"`, async () => {
      if (staged === undefined) unlinkSync(path);
      else renameSync(staged, path);
      await disk.step("sync document folder");
      await disk.syncFolder(dirname(path));
    });
  }

  return {
    async load(name, { limit } = {}) {
      names.check(name);
      // Reading is quick and so done at once; whoever does it in a loop must still let others have a turn.
      await nextTurn();
      const doc = reader.read(pathOf(name), name, limit);
      return doc && { text: doc.text, version: doc.version };
    },

    async swap(name, text, seen) {
      names.check(name);
      const action = `Cannot swap "${name}"`;
      const path = pathOf(name);
      const movedOn = () => new OciError("conflict", `${action}: it has moved on`);
      await place.writing(action);
      try {
        await options.flush();
        await disk.step("lock");
        await using lease = await lock.acquire("lock", {
          wait,
          before: () => {
            if (!mayStand(path, seen)) throw movedOn();
          },
        });
        using guard = await options.guard?.(name);
        const now = reader.read(path, name);
        if (now?.version !== seen?.version) throw movedOn();
        const assertHeld = () => {
          lease.assertHeld();
          guard?.assertHeld();
        };
        if (text === undefined) {
          if (now) await replace(name, undefined, assertHeld);
          await disk.step("unlock");
          return undefined;
        }
        await disk.makeFolder(dirname(path));
        const staged = await stage(place, text, now);
        try {
          if (now) await guard?.keep(now);
          await replace(name, staged.path, assertHeld);
        } catch (error) {
          rmSync(staged.path, { force: true });
          throw error;
        }
        await disk.step("unlock");
        return { text, version: staged.version };
      } catch (error) {
        throw fileError(error, action);
      }
    },

    async *list(prefix) {
      try {
        for (const folder of options.folders) yield* below(folder, prefix);
      } catch (error) {
        throw fileError(error, "Cannot list the documents", "read");
      }
    },
  };
}

/** Writes a text beside its future place, on the disk and as it will be there. */
async function stage(
  place: LocalPlace,
  text: string,
  old: DocFile | undefined,
): Promise<{ path: string; version: string }> {
  const path = join(place.tmp, uniqueName(place.clock));
  const hash = createHash("sha256");
  await place.disk.step("stage document");
  const fd = openSync(path, "wx", 0o644);
  try {
    let length = 0;
    for (const piece of utf8Pieces(text)) {
      hash.update(piece);
      writeAt(fd, piece, length);
      length += piece.length;
    }
    if (old) resemble(fd, old.stats);
    const stats = setTime(place, path, old && timeOf(old.stats));
    await place.disk.step("sync document");
    await place.disk.syncFile(fd);
    return { path, version: versionOf(stats, hash) };
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Gives the new file the mode of the old one and, where that is possible, its owner. */
function resemble(fd: number, old: Stats): void {
  const { mode, uid, gid } = fstatSync(fd);
  if (uid !== old.uid || gid !== old.gid) {
    try {
      fchownSync(fd, old.uid, old.gid);
    } catch {
      // Only root can.
    }
  }
  if (mode !== old.mode) fchmodSync(fd, old.mode & 0o7777);
}

/** Gives a file a time that no version before it had. */
function setTime(place: LocalPlace, path: string, old = 0): Stats {
  // Some file systems keep times of two seconds.
  for (let after = old;; after += 2_000) {
    const time = new Date(place.time(after));
    utimesSync(path, time, time);
    const stats = lstatSync(path);
    if (timeOf(stats) > old) return stats;
  }
}
