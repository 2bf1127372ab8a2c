import { readSync, writeSync } from "node:fs";

/** Fills a buffer from a position on, as far as the file goes; gives the number of bytes. */
export function readAt(fd: number, into: Uint8Array, at: number): number {
  let length = 0;
  while (length < into.length) {
    const more = readSync(fd, into, length, into.length - length, at + length);
    if (more === 0) break;
    length += more;
  }
  return length;
}

/** Writes all bytes from a position on: a disk that fills takes some of them before it says so. */
export function writeAt(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(fd, bytes, done, bytes.length - done, at + done);
  }
}
