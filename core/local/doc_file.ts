import { createHash, type Hash } from "node:crypto";
import { closeSync, fstatSync, openSync, type Stats } from "node:fs";
import type { Doc } from "../backend.ts";
import { OciError } from "../errors.ts";
import { decodeUtf8 } from "../json.ts";
import { errnoOf, fileError } from "./file_error.ts";
import { READ } from "./file_stream.ts";
import { assertRegular, lookAt, timeOf } from "./files.ts";
import { readAt } from "./positions.ts";

/** A document as a file: what it says, and what its file is like. */
export interface DocFile extends Doc {
  readonly stats: Stats;
}

const stamp = (stats: Stats) => `${timeOf(stats)}.${stats.ino}.`;

/** The version of a document that is in a file, by the hash of its bytes. */
export function versionOf(stats: Stats, hash: Hash): string {
  return stamp(stats) + hash.digest("hex").slice(0, 16);
}

/** Whether the file at a path may still be the document that was seen; a look at its bytes may say otherwise. */
export function mayStand(path: string, seen: Doc | undefined): boolean {
  const stats = lookAt(path);
  if (!stats || !seen) return stats === seen;
  return seen.version.startsWith(stamp(stats));
}

/** From this size on a document that has not changed is not read again. */
const LARGE = 64 << 10;
/** Documents that are remembered: those used last. */
const MOST = 2;
/** How coarse the times of a file may be, in milliseconds: what is younger may change without showing. */
const coarseness = ({ ctimeMs }: Stats) => ctimeMs % 1000 === 0 ? 2_000 : 100;

/** Reads documents; remembers a few large ones for as long as their files are as they were. */
export interface DocReader {
  /** Reads one, at once: what follows from it may not be out of date. Undefined if there is none. */
  read(path: string, name: string, limit?: number): DocFile | undefined;
}

/** A reader of documents; `now` tells milliseconds since 1970. */
export function docReader(now: () => number): DocReader {
  const settled = new Map<string, DocFile>();
  return {
    read(path, name, limit = Infinity) {
      const action = `Cannot read "${name}"`;
      try {
        const fd = openSync(path, READ);
        try {
          const stats = fstatSync(fd);
          assertRegular(stats, action);
          if (stats.size > limit) {
            throw new OciError("size_exceeded", `${action}: it has more than ${limit} bytes`);
          }
          const known = settled.get(path);
          settled.delete(path);
          if (known && isSame(known.stats, stats)) {
            settled.set(path, known);
            return known;
          }
          const doc = readWhole(fd, stats, action);
          // A change after this moment shows in the times of the file.
          if (stats.size >= LARGE && now() - stats.ctimeMs > coarseness(stats)) {
            settled.set(path, doc);
            for (const oldest of settled.keys()) if (settled.size > MOST) settled.delete(oldest);
          }
          return doc;
        } finally {
          closeSync(fd);
        }
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return undefined;
        throw fileError(error, action, "read");
      }
    },
  };
}

function isSame(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs;
}

function readWhole(fd: number, stats: Stats, action: string): DocFile {
  const bytes = new Uint8Array(stats.size);
  const whole = bytes.subarray(0, readAt(fd, bytes, 0));
  return {
    text: decodeUtf8(whole, action),
    version: versionOf(stats, createHash("sha256").update(whole)),
    stats,
  };
}
