import { closeSync, constants, fstatSync, openSync, read as readLater, readSync } from "node:fs";
import { promisify } from "node:util";
import { passable } from "../bytes_stream.ts";
import { OciError } from "../errors.ts";
import { fileError, ifThere } from "./file_error.ts";
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
  range: FileRange,
  action: string,
): ReadableStream<Uint8Array> {
  const own = (length: number) => new Uint8Array(length);
  const chunks = closing(chunksIn(fd, range, action, own), range);
  let cancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (cancelled) return;
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      cancelled = true;
      await chunks.return();
    },
  }, { highWaterMark: 0 });
  return passable(
    stream,
    () => closing(chunksIn(fd, range, action, inTurn(BUFFERS)), range),
  );
}

/** The same chunks, which also close what they are read from if nobody asks for the first of them. */
function closing(chunks: AsyncGenerator<Uint8Array>, { close }: FileRange) {
  let begun = false;
  return {
    next() {
      begun = true;
      return chunks.next();
    },
    async return(): Promise<IteratorResult<Uint8Array>> {
      if (begun) await chunks.return(undefined);
      else await close();
      begun = true;
      return { done: true, value: undefined };
    },
  };
}

/** One is read into while the next one is written and the last one held back. */
const BUFFERS = 3;

/** Buffers that are used again in turn. */
function inTurn(count: number): (length: number) => Uint8Array {
  const buffers: Uint8Array[] = [];
  let uses = 0;
  return (length) => {
    const at = uses++ % count;
    const buffer = buffers[at] ??= new Uint8Array(length);
    return buffer.subarray(0, length);
  };
}

/** The chunks of a range, read one ahead into the buffers that are given. */
async function* chunksIn(
  fd: number,
  { start, end, close }: FileRange,
  action: string,
  bufferOf: (length: number) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  let at = start;
  async function next(): Promise<Uint8Array> {
    const buffer = bufferOf(Math.min(CHUNK, end - at));
    const { bytesRead } = await read(fd, buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw new OciError("corrupt", `${action}: the file ends early`);
    at += bytesRead;
    return buffer.subarray(0, bytesRead);
  }
  let closed: Promise<void> | undefined;
  let ahead: Promise<Uint8Array> | undefined;
  try {
    while (ahead || at < end) {
      const chunk: Uint8Array = await (ahead ?? next());
      ahead = at < end ? next() : undefined;
      ahead?.catch(() => {}); // Told when it is asked for.
      if (!ahead) await (closed = close());
      yield chunk;
    }
  } catch (error) {
    throw fileError(error, action, "read");
  } finally {
    // Not under a read: its number could be another file's by then.
    await ahead?.catch(() => {});
    await (closed ?? close());
  }
}

/** Up to this size a file is read in one go: dozens of times faster than as a stream. */
const SMALL = 64 << 10;
const scratch = new Uint8Array(SMALL + 1);

/** All bytes of a small file, read at once; undefined if it is larger, or none is there. */
export function smallFile(path: string, action: string): Uint8Array | undefined {
  const fd = ifThere(() => openSync(path, READ));
  if (fd === undefined) return undefined;
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
