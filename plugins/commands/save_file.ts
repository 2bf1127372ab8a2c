import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  type Clock,
  type Digest,
  errnoOf,
  lookAt,
  OciError,
  uniqueName,
  writableAlgorithm,
} from "../../core/mod.ts";
import { digestOfFile, failedFile } from "./local_file.ts";

/** What stands where a file is to go: nothing, the same bytes, or something else. */
export async function standsAt(
  root: string,
  parts: readonly string[],
  { digest, size }: { digest: Digest; size: number },
): Promise<"nothing" | "same" | "other"> {
  const path = join(root, ...parts);
  try {
    for (let at = 1; at < parts.length; at++) {
      const above = join(root, ...parts.slice(0, at));
      const folder = lookAt(above);
      if (!folder) return "nothing";
      assertFolder(folder, parts.join("/"), above);
    }
    const there = lookAt(path);
    if (!there) return "nothing";
    if (there.isDirectory()) {
      throw new OciError("already_exists", `Cannot write ${JSON.stringify(path)}: it is a folder`);
    }
    if (!there.isFile() || there.size !== size) return "other";
    const algorithm = writableAlgorithm(digest);
    return await digestOfFile(path, { algorithm }) === digest ? "same" : "other";
  } catch (error) {
    throw failedFile(error, "read", path);
  }
}

function assertFolder(
  stats: { isDirectory(): boolean; isSymbolicLink(): boolean },
  title: string,
  path: string,
): void {
  if (stats.isDirectory()) return;
  if (stats.isSymbolicLink()) {
    throw new OciError(
      "refused",
      `Refuse to write ${JSON.stringify(title)}: the folder ${JSON.stringify(path)} is a link`,
    );
  }
  throw new OciError(
    "already_exists",
    `Cannot write ${JSON.stringify(title)}: ${JSON.stringify(path)} is a file`,
  );
}

/**
 * Writes a file beside its place, then renames it there: whole, with mode 0644, or not at all. Missing folders are
 * made; `refused` if one on the way is a link.
 */
export async function saveFile(
  root: string,
  parts: readonly string[],
  chunks: AsyncIterable<Uint8Array>,
  clock: Clock,
): Promise<void> {
  const path = join(root, ...parts);
  const part = join(dirname(path), `.stowage-${uniqueName(clock)}.part`);
  try {
    await makeFolders(root, parts);
    const file = await open(part, "wx", 0o600);
    try {
      for await (const chunk of chunks) {
        for (let at = 0; at < chunk.length;) {
          at += (await file.write(chunk, at, chunk.length - at)).bytesWritten;
        }
      }
      await file.chmod(0o644);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw failedFile(error, "write", path);
  }
}

async function makeFolders(root: string, parts: readonly string[]): Promise<void> {
  await mkdir(root, { recursive: true });
  for (let at = 1; at < parts.length; at++) {
    const path = join(root, ...parts.slice(0, at));
    try {
      await mkdir(path);
    } catch (error) {
      const stats = lookAt(path);
      if (errnoOf(error) !== "EEXIST" || !stats) throw error;
      assertFolder(stats, parts.join("/"), path);
    }
  }
}
