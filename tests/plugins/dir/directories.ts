import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Backend, type BackendOptions, type Digest, splitDigest } from "../../../core/mod.ts";
import { type DirectoryOptions, directoryUrl } from "../../../plugins/dir/mod.ts";
import { openDirectory } from "../../../plugins/dir/open.ts";
import { usual } from "../../opening.ts";

/** Opens a directory. */
export function openAt(
  path: string,
  options: Partial<BackendOptions> = {},
  directory: DirectoryOptions = {},
): Promise<Backend> {
  return openDirectory(directoryUrl(path), { ...usual, ...options }, directory);
}

/** Where a blob is in a layout. */
export function blobAt(root: string, digest: Digest): string {
  const { algorithm, hex } = splitDigest(digest);
  return join(root, "blobs", algorithm, hex);
}

/** Everything below a path: kind, mode, size, times and bytes. */
export function treeOf(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const below = join(path, entry.name);
    const { mode, size, mtimeMs } = lstatSync(below);
    const line = `${below} ${mode} ${size} ${mtimeMs}`;
    if (entry.isDirectory()) return [line, ...treeOf(below)];
    return [entry.isFile() ? `${line} ${readFileSync(below, "base64")}` : line];
  }).sort();
}
