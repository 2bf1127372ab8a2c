import { localPath, localUrl } from "../../core/basics.ts";

/**
 * The URL of an archive: `tar:` and its absolute path, escaped as in a file URL.
 *
 * @example
 * ```ts
 * import { archiveUrl } from "./mod.ts";
 *
 * console.log(archiveUrl("/srv/my images.tar").href); // tar:/srv/my%20images.tar
 * ```
 */
export function archiveUrl(path: string): URL {
  return localUrl("tar", path);
}

/** The absolute path that a URL names; throws `invalid` for one that is no absolute path and nothing else. */
export function archivePath(url: URL): string {
  return localPath(url);
}
