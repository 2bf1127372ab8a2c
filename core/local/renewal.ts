import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import type { BlobInfo } from "../backend.ts";
import { OciError } from "../errors.ts";
import { infoOf, renewTime } from "./blob_file.ts";
import type { BlobFiles } from "./blob_files.ts";
import { errnoOf, fileError } from "./file_error.ts";
import { lookAt, timeOf } from "./files.ts";
import type { LocalPlace } from "./local_place.ts";

const TRIES = 10;
/** Milliseconds after which a time that was computed may have been used by somebody else. */
const PAUSED = 10;
/** The coarsest times that a file system keeps, in milliseconds. */
const COARSE = 2_000;

/** Gives the copy seen a new version, by its time; throws `conflict` if it is gone or replaced. */
export async function renewBlob(
  place: LocalPlace,
  files: BlobFiles,
  seen: BlobInfo,
): Promise<BlobInfo> {
  const action = `Cannot renew ${seen.digest}`;
  const { digest } = seen;
  const path = files.pathOf(digest);
  await place.writing(action);
  try {
    await place.disk.step("renew blob");
    const renewed = renewTimes(place, files, seen, path, action);
    await place.disk.step("sync renewed blob");
    // Another program may have left it to the system to write the bytes.
    if (place.disk.durable) {
      await using file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
      await place.disk.syncFile(file);
    }
    files.touch(dirname(path));
    return renewed;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") throw conflict(action);
    throw fileError(error, action, "write", { digest });
  }
}

/** Nothing else of this process happens between these looks. */
function renewTimes(
  place: LocalPlace,
  files: BlobFiles,
  { digest, version }: BlobInfo,
  path: string,
  action: string,
): BlobInfo {
  let stats = lookAt(path);
  if (!stats || infoOf(digest, stats, action).version !== version) throw conflict(action);
  for (let n = 0, more = 0; n < TRIES; n++) {
    const began = place.clock.now();
    renewTime(place, path, stats, more);
    // A deleter may have taken it between the look and the change; it then sees the change.
    const now = lookAt(path) ?? (files.recover(digest) ? lookAt(path) : undefined);
    if (!now || now.ino !== stats.ino) break;
    const moved = timeOf(now) > timeOf(stats);
    const inTime = place.clock.now() - began < PAUSED;
    if (moved && inTime) return infoOf(digest, now, action);
    if (!moved) more += COARSE;
    stats = now;
  }
  throw conflict(action);
}

const conflict = (action: string) =>
  new OciError("conflict", `${action}: this copy is gone or was replaced`);
