import { readSync, writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";

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

/** Bytes of a file, as many as there are. */
export async function bytesAt(file: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}
