import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { fileError, lookAt, OciError, unlessMissing } from "../../core/mod.ts";

/** Throws unless folders are folders: the place and `blobs` may be links to one, what is below them may not. */
export async function checkPlace(root: string): Promise<void> {
  const action = `Cannot open "${root}"`;
  try {
    for (const path of [root, join(root, "blobs")]) {
      const stats = await unlessMissing(stat(path));
      if (stats && !stats.isDirectory()) throw noFolder(action, path);
    }
    for (const name of ["blobs/sha256", "blobs/sha512", ".stowage"]) {
      const path = join(root, name);
      const stats = lookAt(path);
      if (stats?.isSymbolicLink()) {
        throw new OciError("unsupported", `${action}: "${path}" is a link`);
      }
      if (stats && !stats.isDirectory()) throw noFolder(action, path);
    }
  } catch (error) {
    throw fileError(error, action, "read");
  }
}

function noFolder(action: string, path: string): OciError {
  return new OciError("invalid", `${action}: "${path}" is no folder`);
}

/** Names of file systems that other machines write to as well, by their number. */
const SHARED = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xfe534d42, "SMB"],
  [0xff534d42, "SMB"],
  [0x65735546, "FUSE"],
]);

/** What kind of shared file system a place is on; undefined for others, and where that cannot be told. */
export async function sharedFileSystem(root: string): Promise<string | undefined> {
  try {
    return SHARED.get((await statfs(root)).type >>> 0);
  } catch {
    return undefined;
  }
}
