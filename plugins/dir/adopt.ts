import { constants, linkSync, lstatSync, type Stats } from "node:fs";
import { chmod, copyFile, open, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import {
  type BlobFiles,
  type Blobs,
  fileError,
  type LocalPlace,
  splitDigest,
  uniqueName,
} from "../../core/mod.ts";
import { directoryPath } from "./url.ts";

type Adopt = NonNullable<Blobs["adopt"]>;

/** Takes blobs from other directories: linked where nobody can write to them, else copied by the kernel. */
export function adoptBlob(place: LocalPlace, files: BlobFiles): Adopt {
  return async (source, { digest, size }) => {
    if (source.protocol !== "dir:") return false;
    const action = `Cannot adopt ${digest}`;
    await place.writing(action);
    const { algorithm, hex } = splitDigest(digest);
    const copy = join(place.tmp, uniqueName(place.clock));
    try {
      try {
        await take(join(directoryPath(source), "blobs", algorithm, hex), copy, size);
        await using file = await open(copy, "r");
        if ((await file.stat()).size !== size) return false;
        await place.disk.step("sync adopted blob");
        await place.disk.syncFile(file.fd);
      } catch {
        return false; // Whoever asks reads it then, and learns why that fails.
      }
      await files.publish(copy, digest);
      return true;
    } catch (error) {
      throw fileError(error, action, "write", { digest });
    } finally {
      // Also after success: renaming one link of a file onto another does nothing.
      await rm(copy, { force: true });
    }
  };
}

async function take(from: string, copy: string, size: number): Promise<void> {
  const stats = lstatSync(from);
  if (!stats.isFile() || stats.size !== size) throw new Error("Not the blob that is asked for");
  if (isSettled(stats) && linked(from, copy)) return;
  await copyFile(from, copy, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  await chmod(copy, stats.mode & 0o444 | 0o400);
}

/** Whether the file is ours and its tool will not rewrite it in place. */
function isSettled(stats: Stats): boolean {
  return stats.uid === ourUser() && (stats.mode & 0o222) === 0;
}

function ourUser(): number | undefined {
  try {
    return process.getuid?.();
  } catch {
    return undefined; // Deno was not given the right to ask.
  }
}

function linked(from: string, copy: string): boolean {
  try {
    linkSync(from, copy);
    return true;
  } catch {
    return false; // Another file system, or too many links.
  }
}
