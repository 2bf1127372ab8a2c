import { chmodSync, chownSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Digest, fileWriter, orUnknown, uniqueName, writeTo } from "../../core/mod.ts";
import type { Change } from "./archive.ts";
import type { Contents } from "./contents.ts";
import type { Note } from "./copies.ts";
import { scan } from "./scan.ts";
import { type Whole, writeSealed } from "./seal.ts";
import type { TarStore } from "./store.ts";

/** What a new archive is called until it takes the place of the former one. */
const FRESH = "archive-";

/** What is known of a copy that goes from one file to the next. */
export interface Known {
  readonly version: string;
  readonly modified: number;
}

/**
 * Writes the archive anew beside itself and puts it in its own place: whole or not at all. Who reads the former one
 * reads on. What is known of copies goes along.
 *
 * @throws {OciError} `unavailable` with the reason `unknown` if nobody can tell which of the two will stand there.
 */
export async function rewrite(
  { place, archive, copies }: TarStore,
  { view, assertHeld }: Change,
  whole: Whole,
  known: ReadonlyMap<Digest, Known>,
): Promise<void> {
  const { disk } = place;
  // Whoever holds the lock is the only one who writes such a file: others are of the dead.
  for (const name of readdirSync(place.tmp).filter((name) => name.startsWith(FRESH))) {
    rmSync(join(place.tmp, name), { force: true });
  }
  const fresh = join(place.tmp, FRESH + uniqueName(place.clock));
  try {
    await disk.step("write archive anew");
    const file = await open(fresh, "wx+", 0o644);
    try {
      const writer = fileWriter(writeTo(file.fd, disk), 0);
      await writeSealed({
        async write(chunk) {
          assertHeld();
          await writer.write(chunk);
        },
      }, whole);
      await writer.flush();
      resemble(fresh, archive.path);
      await disk.step("sync new archive");
      await writer.sync();
      const { ino, size } = await file.stat();
      const contents = await scan(file.fd, size);
      await disk.step("prepare its log");
      copies.renew(view.inode, ino, notesOf(contents, known));
    } finally {
      await file.close();
    }
    await disk.step("replace archive");
    assertHeld();
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
  await orUnknown("Cannot replace the archive", async () => {
    renameSync(fresh, archive.path);
    await disk.step("sync folder of archive");
    await disk.syncFolder(dirname(archive.path));
  });
}

function notesOf({ blobs }: Contents, known: ReadonlyMap<Digest, Known>): Note[] {
  return [...blobs.values()].flatMap((entry) => {
    const one = known.get(entry.digest);
    return one ? [{ entry, ...one }] : [];
  });
}

/** Gives the new file the mode of the old one and, where that is possible, its owner. */
function resemble(fresh: string, path: string): void {
  const old = statSync(path, { throwIfNoEntry: false });
  if (!old || old.size === 0) return;
  chmodSync(fresh, old.mode & 0o7777);
  try {
    chownSync(fresh, old.uid, old.gid);
  } catch {
    // Only root can.
  }
}
