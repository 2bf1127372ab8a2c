import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { OciError } from "../errors.ts";

/** The URL of a path on this machine: the scheme and its absolute path, escaped as in a file URL. */
export function localUrl(scheme: string, path: string): URL {
  return new URL(`${scheme}:${pathToFileURL(resolve(path)).pathname}`);
}

/** The absolute path that a URL names; throws `invalid` for one that is no absolute path and nothing else. */
export function localPath(url: URL): string {
  const action = `Cannot open ${JSON.stringify(url.href)}`;
  if (url.host || url.search || url.hash || !url.pathname.startsWith("/")) {
    throw new OciError("invalid", `${action}: "${url.protocol}" and an absolute path are needed`);
  }
  try {
    const path = fileURLToPath(`file://${url.pathname}`);
    if (!path.includes("\0")) return resolve(path);
  } catch {
    // An escaped slash.
  }
  throw new OciError("invalid", `${action}: it is no path`);
}
