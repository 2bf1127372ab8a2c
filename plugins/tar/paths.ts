import { Buffer } from "node:buffer";
import { readlinkSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { type BackendOptions, errnoOf, lookAt, OciError, uniqueName } from "../../core/mod.ts";

/** The bytes that the name of a file may have. */
const LONGEST_NAME = 255;
/** As many links as the system follows. */
const MOST_LINKS = 40;

/** The folder beside an archive. One with too long a name has none, which is all right for readers. */
export function besideOf(path: string, { mode, clock }: BackendOptions): string {
  const beside = `${path}.stowage`;
  if (Buffer.byteLength(basename(beside)) <= LONGEST_NAME) return beside;
  if (mode === "read") return join(tmpdir(), uniqueName(clock));
  const why = "its name leaves no room for what is kept beside it; give it a shorter one";
  throw new OciError("invalid", `Cannot open "${path}" to write: ${why}`);
}

/** Where a path leads: the archive is replaced there, and not the link to it. What is missing may be made. */
export function realPath(path: string, links = MOST_LINKS): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" || links === 0) return path;
  }
  if (lookAt(path)?.isSymbolicLink()) {
    return realPath(resolve(dirname(path), readlinkSync(path)), links - 1);
  }
  const folder = dirname(path);
  return folder === path ? path : join(realPath(folder, links), basename(path));
}
