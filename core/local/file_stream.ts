import type { FileHandle } from "node:fs/promises";
import { OciError } from "../errors.ts";
import { fileError } from "./file_error.ts";

const CHUNK = 1 << 20;

/** Which part of a file is read, and what happens to it afterwards. */
export interface FileRange {
  /** The first byte. */
  readonly start: number;
  /** The byte after the last. */
  readonly end: number;
  /** Called once the stream has ended, failed or been cancelled. */
  readonly close: () => Promise<void>;
}

/**
 * The bytes of a file in chunks of 1 MiB, one chunk ahead of its reader. Fails with `corrupt` if the file ends early,
 * with `unavailable` if it cannot be read.
 */
export function fileStream(
  file: FileHandle,
  { start, end, close }: FileRange,
  action: string,
): ReadableStream<Uint8Array> {
  let at = start;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        if (at < end) {
          const chunk = new Uint8Array(Math.min(CHUNK, end - at));
          const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
          if (bytesRead === 0) throw new OciError("corrupt", `${action}: the file ends early`);
          at += bytesRead;
          controller.enqueue(chunk.subarray(0, bytesRead));
        }
        if (at < end) return;
      } catch (error) {
        await close();
        throw fileError(error, action, "read");
      }
      await close();
      controller.close();
    },
    cancel: close,
  }, { highWaterMark: 1 });
}

/** Where a range of `size` bytes begins and ends; throws `invalid` for what is no range. */
export function clampRange(
  { start = 0, end = Infinity }: { start?: number; end?: number },
  size: number,
  action: string,
): { start: number; end: number } {
  if (!(start >= 0 && end >= 0) || start % 1 !== 0 || (end % 1 !== 0 && end !== Infinity)) {
    throw new OciError("invalid", `${action}: ${start} to ${end} is no range`);
  }
  return { start, end: Math.max(start, Math.min(end, size)) };
}
