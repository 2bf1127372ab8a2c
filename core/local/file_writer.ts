import { write as writeLater, writeSync } from "node:fs";
import { promisify } from "node:util";

/** Chunks of fewer bytes are copied together: below it a call to the system costs more than the copy. */
const SMALL = 1 << 18;
const GATHERED = 1 << 20;
/** So few bytes are written at once: to wait for them costs more than the disk cache takes. */
const AT_ONCE = 1 << 16;

const writeAsync = promisify(writeLater);

/** Writes as many of the bytes as it can at once, from `position` on; gives how many. */
export type WriteSome = (bytes: Uint8Array, position: number) => number | Promise<number>;

/** Writes to an open file. */
export const writeTo = (fd: number): WriteSome => async (bytes, position) =>
  bytes.length <= AT_ONCE
    ? writeSync(fd, bytes, 0, bytes.length, position)
    : (await writeAsync(fd, bytes, 0, bytes.length, position)).bytesWritten;

/** Writes to a file from a position on: small chunks are gathered, others go as they are. */
export interface FileWriter {
  /** Where the next byte goes. */
  readonly position: number;
  /** Takes a chunk, which is the caller's again once this has resolved. */
  write(chunk: Uint8Array): Promise<void>;
  /** Waits until all that was taken is written; fails if any of it could not be. */
  flush(): Promise<void>;
}

/** Starts to write at a position. */
export function fileWriter(write: WriteSome, start: number): FileWriter {
  let position = start;
  let buffer = new Uint8Array(0);
  let spare = buffer;
  let gathered = 0;
  /** The file is written while the next chunks are gathered. */
  let writing: Promise<void> = Promise.resolve();

  async function store(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += await write(done === 0 ? bytes : bytes.subarray(done), at + done);
    }
  }
  async function turnOver(): Promise<void> {
    await writing;
    writing = store(buffer.subarray(0, gathered), position - gathered);
    writing.catch(() => {}); // Told to whoever waits for it next.
    [buffer, spare] = [spare, buffer];
    gathered = 0;
  }
  async function flush(): Promise<void> {
    await turnOver();
    await writing;
  }
  function gather(chunk: Uint8Array): void {
    if (gathered + chunk.length > buffer.length) {
      const length = Math.min(GATHERED, Math.max(2 * buffer.length, 2 * chunk.length));
      const grown = new Uint8Array(length);
      grown.set(buffer.subarray(0, gathered));
      buffer = grown;
    }
    buffer.set(chunk, gathered);
    gathered += chunk.length;
  }

  return {
    get position() {
      return position;
    },
    async write(chunk) {
      if (chunk.length >= SMALL) {
        await flush();
        await store(chunk, position);
      } else {
        if (gathered + chunk.length > GATHERED) await turnOver();
        gather(chunk);
      }
      position += chunk.length;
    },
    flush,
  };
}
