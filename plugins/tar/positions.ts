import type { FileHandle } from "node:fs/promises";
import { readAt } from "../../core/mod.ts";

/** Bytes of a file, as many as there are. */
export function bytesAt({ fd }: FileHandle, at: number, length: number): Uint8Array {
  const buffer = new Uint8Array(length);
  return buffer.subarray(0, readAt(fd, buffer, at));
}
