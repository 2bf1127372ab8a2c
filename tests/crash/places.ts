import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Backend, BackendOptions, OnStep } from "../../core/mod.ts";
import { archiveUrl } from "../../plugins/tar/mod.ts";
import { openTar } from "../../plugins/tar/open.ts";
import { usual } from "../opening.ts";
import { openAt as openDirectoryAt } from "../plugins/dir/directories.ts";

/** Opens a place by its path: an archive if it ends in `.tar`, else a directory. */
export function openAt(
  path: string,
  options: Partial<BackendOptions> = {},
  how: { readonly onStep?: OnStep; readonly stale?: number } = {},
): Promise<Backend> {
  if (!path.endsWith(".tar")) return openDirectoryAt(path, options, how);
  return openTar(archiveUrl(path), { ...usual, ...options }, how);
}

/** The folder in which a place keeps what is its own. */
export const besideOf = (path: string): string =>
  path.endsWith(".tar") ? `${path}.stowage` : `${path}/.stowage`;

/** Whether a lock is left. */
export function isLocked(path: string): boolean {
  return existsSync(join(besideOf(path), "lock"));
}
