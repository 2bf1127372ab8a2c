import { type Stats, utimesSync } from "node:fs";
import type { BlobInfo } from "../backend.ts";
import type { Digest } from "../digest.ts";
import { assertRegular, timeOf } from "./files.ts";
import type { LocalPlace } from "./local_place.ts";

/** A file as a blob; its version is new after every renaming and every renewal. */
export function infoOf(
  digest: Digest,
  stats: Stats,
  action: string,
): BlobInfo & { version: string } {
  assertRegular(stats, action);
  const time = timeOf(stats);
  const version = `${stats.ino}.${time}.${stats.size}`;
  return { digest, size: stats.size, modified: new Date(time), version };
}

/** Gives a file a time that is later than the one it has, by at least `more` milliseconds. */
export function renewTime(place: LocalPlace, path: string, stats: Stats, more = 0): void {
  const time = new Date(place.time(timeOf(stats) + more));
  utimesSync(path, time, time);
}
