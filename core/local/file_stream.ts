import { closeSync, constants, fstatSync, openSync, read as readLater, readSync } from "node:fs";
import { promisify } from "node:util";
import { OciError } from "../errors.ts";
import { errnoOf, fileError } from "./file_error.ts";
import { assertRegular } from "./files.ts";

/** How files of a place are opened: links are not followed, and no pipe is waited for. */
export const READ: number = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) |
  (constants.O_NONBLOCK ?? 0);

const CHUNK = 1 << 20;

const read = promisify(readLater);

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
  fd: number,
  { start, end: until, close }: FileRange,
  action: string,
): ReadableStream<Uint8Array> {
  let at = start;
  let reading: Promise<unknown> | undefined;
  let closed: Promise<void> | undefined;
  const end = () => closed ??= close();

  async function next(): Promise<Uint8Array> {
    const chunk = new Uint8Array(Math.min(CHUNK, until - at));
    const under = read(fd, chunk, 0, chunk.length, at);
    reading = under;
    const { bytesRead } = await under;
    if (bytesRead === 0) throw new OciError("corrupt", `${action}: the file ends early`);
    at += bytesRead;
    return chunk.subarray(0, bytesRead);
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const chunk = at < until ? await next() : undefined;
        if (closed) return;
        if (chunk) controller.enqueue(chunk);
        if (at < until) return;
      } catch (error) {
        await end();
        throw fileError(error, action, "read");
      }
      await end();
      controller.close();
    },
    async cancel() {
      // Not under a read: its number could be another file's by then.
      const stopped = reading?.catch(() => {});
      closed ??= Promise.resolve(stopped).then(close);
      await closed;
    },
  }, { highWaterMark: 1 });
}

/** Up to this size a file is read in one go: dozens of times faster than as a stream. */
const SMALL = 64 << 10;
const scratch = new Uint8Array(SMALL + 1);

/** All bytes of a small file, read at once; undefined if it is larger, or none is there. */
export function smallFile(path: string, action: string): Uint8Array | undefined {
  let fd: number;
  try {
    fd = openSync(path, READ);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const length = readSync(fd, scratch, 0, scratch.length, 0);
    if (length === scratch.length) return undefined;
    if (length === 0) assertRegular(fstatSync(fd), action);
    return scratch.slice(0, length);
  } finally {
    closeSync(fd);
  }
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
