import { localPath, localUrl } from "../../core/mod.ts";

/**
 * The URL of a directory: `dir:` and its absolute path, escaped as in a file URL.
 *
 * @example
 * ```ts
 * import { directoryUrl } from "./mod.ts";
 *
 * console.log(directoryUrl("/srv/my images").href); // dir:/srv/my%20images
 * ```
 */
export function directoryUrl(path: string): URL {
  return localUrl("dir", path);
}

/** The absolute path that a URL names; throws `invalid` for one that is no absolute path and nothing else. */
export function directoryPath(url: URL): string {
  return localPath(url);
}
