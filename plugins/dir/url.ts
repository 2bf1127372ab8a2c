import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { OciError } from "../../core/mod.ts";

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
  return new URL(`dir:${pathToFileURL(resolve(path)).pathname}`);
}

/** The absolute path that a URL names; throws `invalid` for one that is no absolute path and nothing else. */
export function directoryPath(url: URL): string {
  const action = `Cannot open ${JSON.stringify(url.href)}`;
  if (url.host || url.search || url.hash || !url.pathname.startsWith("/")) {
    throw new OciError("invalid", `${action}: "dir:" and an absolute path are needed`);
  }
  try {
    const path = fileURLToPath(`file://${url.pathname}`);
    if (!path.includes("\0")) return resolve(path);
  } catch {
    // An escaped slash.
  }
  throw new OciError("invalid", `${action}: it is no path`);
}
