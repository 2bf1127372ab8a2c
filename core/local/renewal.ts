import { closeSync, constants, openSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BlobInfo } from "../backend.ts";
import { createDigester, writableAlgorithm } from "../digest.ts";
import { OciError } from "../errors.ts";
import { infoOf, renewTime } from "./blob_file.ts";
import type { BlobFiles } from "./blob_files.ts";
import { errnoOf, fileError } from "./file_error.ts";
import { fileWriter, writeTo } from "./file_writer.ts";
import { lookAt, timeOf, uniqueName } from "./files.ts";
import type { LocalPlace } from "./local_place.ts";

const TRIES = 10;
/** Milliseconds after which a time that was computed may have been used by somebody else. */
const PAUSED = 10;
/** The coarsest times that a file system keeps, in milliseconds. */
const COARSE = 2_000;

/**
 * Gives the copy seen a new version, by its time. One of another user, whose time we may not set, is replaced by a copy
 * of our own.
 *
 * @throws {OciError} `conflict` if the copy is gone or replaced, `corrupt` if it does not hash to its name.
 */
export async function renewBlob(
  place: LocalPlace,
  files: BlobFiles,
  seen: BlobInfo,
): Promise<BlobInfo> {
  const action = `Cannot renew ${seen.digest}`;
  const path = files.pathOf(seen.digest);
  await place.writing(action);
  await place.disk.step("renew blob");
  try {
    const renewed = renewTimes(place, files, seen, path, action);
    await place.disk.step("sync renewed blob");
    // Another program may have left it to the system to write the bytes.
    if (place.disk.durable) {
      const fd = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
      try {
        await place.disk.syncFile(fd);
      } finally {
        closeSync(fd);
      }
    }
    files.touch(dirname(path));
    return renewed;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") throw conflict(action);
    if (errno === "EPERM" || errno === "EACCES") return await ownCopy(place, files, seen, action);
    throw fileError(error, action, "write", { digest: seen.digest });
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
    let now = lookAt(path);
    if (!now) {
      files.recover(digest);
      now = lookAt(path);
    }
    if (!now || now.ino !== stats.ino) break;
    const moved = timeOf(now) > timeOf(stats);
    const inTime = place.clock.now() - began < PAUSED;
    if (moved && inTime) return infoOf(digest, now, action);
    if (!moved) more += COARSE;
    stats = now;
  }
  throw conflict(action);
}

/** Stores the blob again from its own bytes, once they have been verified. */
async function ownCopy(
  place: LocalPlace,
  files: BlobFiles,
  { digest }: BlobInfo,
  action: string,
): Promise<BlobInfo> {
  const copy = join(place.tmp, uniqueName(place.clock));
  try {
    await using file = await open(copy, "wx", 0o444);
    const writer = fileWriter(writeTo(file.fd, place.disk), 0);
    const digester = createDigester(writableAlgorithm(digest));
    for await (const chunk of await files.read(digest)) {
      digester.update(chunk);
      await writer.write(chunk);
    }
    await writer.flush();
    const found = digester.digest();
    if (found !== digest) {
      throw new OciError("corrupt", `${action}: its bytes hash to ${found}`, { digest });
    }
    await writer.sync();
    await files.publish(copy, digest);
    const stats = lookAt(files.pathOf(digest));
    if (!stats) throw conflict(action);
    return infoOf(digest, stats, action);
  } catch (error) {
    throw fileError(error, action, "write", { digest });
  } finally {
    await rm(copy, { force: true });
  }
}

const conflict = (action: string) =>
  new OciError("conflict", `${action}: this copy is gone or was replaced`);
