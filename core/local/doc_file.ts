import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import type { Doc } from "../backend.ts";
import { OciError } from "../errors.ts";
import { errnoOf, fileError } from "./file_error.ts";
import { assertRegular, lookAt, timeOf } from "./files.ts";

/** A document as a file: what it says, and what its file is like. */
export interface DocFile extends Doc {
  readonly stats: Stats;
}

const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

const stamp = (stats: Stats) => `${timeOf(stats)}.${stats.ino}.`;

/** The version of a document whose bytes are in a file. */
export function versionOf(stats: Stats, bytes: Uint8Array): string {
  return stamp(stats) + createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

/** Whether the file at a path may still be the document that was seen; a look at its bytes may say otherwise. */
export function mayStand(path: string, seen: Doc | undefined): boolean {
  const stats = lookAt(path);
  if (!stats || !seen) return stats === seen;
  return seen.version.startsWith(stamp(stats));
}

/** Reads a document, at once: what follows from it may not be out of date. Undefined if there is none. */
export function readDoc(path: string, name: string, limit = Infinity): DocFile | undefined {
  const action = `Cannot read "${name}"`;
  try {
    const fd = openSync(path, READ);
    try {
      const stats = fstatSync(fd);
      assertRegular(stats, action);
      if (stats.size > limit) {
        throw new OciError("size_exceeded", `${action}: it has more than ${limit} bytes`);
      }
      const bytes = new Uint8Array(stats.size);
      let length = 0;
      for (let more = 1; more > 0 && length < bytes.length; length += more) {
        more = readSync(fd, bytes, length, bytes.length - length, length);
      }
      const whole = bytes.subarray(0, length);
      return { text: decode(whole, action), version: versionOf(stats, whole), stats };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw fileError(error, action, "read");
  }
}

function decode(bytes: Uint8Array, action: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new OciError("corrupt", `${action}: it is not UTF-8`, { cause });
  }
}
