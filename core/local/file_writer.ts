import { writeSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { Disk } from "./files.ts";

/** So much is written by one call to the system: more at once makes some kernels look for large pages. */
const PIECE = 1 << 18;
/** Others have a turn after so many bytes. */
const PER_TURN = 1 << 20;

/** The disk is set to work whenever so much is waiting for it: at the end there is little to wait for. */
const PER_SYNC = 16 << 20;

/** A file as it is written. */
export interface WrittenFile {
  /** Writes as many of the bytes as it can at once, from `position` on; gives how many. */
  write(bytes: Uint8Array, position: number): number;
  /** Resolves once what was written before is on the disk. */
  sync(): Promise<void>;
}

/** An open file; `sync` waits for nothing without a disk. */
export function writeTo(fd: number, disk?: Disk): WrittenFile {
  return {
    // A thread of its own would cost more than it takes to fill the cache of the disk.
    write: (bytes, position) => writeSync(fd, bytes, 0, bytes.length, position),
    sync: async () => await disk?.syncFile(fd),
  };
}

/** Writes to a file from a position on: small chunks are gathered, others go as they are. */
export interface FileWriter {
  /** Where the next byte goes. */
  readonly position: number;
  /** Takes a chunk, which is the caller's again once this has resolved. */
  write(chunk: Uint8Array): Promise<void>;
  /** Resolves once all that was taken is written; fails if any of it could not be. */
  flush(): Promise<void>;
  /** Resolves once all that was taken is on the disk; fails for good if the disk has lost any of it. */
  sync(): Promise<void>;
}

/** Starts to write at a position. */
export function fileWriter(file: WrittenFile, start: number): FileWriter {
  let position = start;
  let buffer = new Uint8Array(0);
  let gathered = 0;
  let untilTurn = PER_TURN;
  let unsynced = 0;
  let syncing: Promise<void> | undefined;
  let lost: { readonly error: unknown } | undefined;

  /** A disk tells only once what it has lost, so it is kept. */
  async function syncNow(): Promise<void> {
    unsynced = 0;
    try {
      await file.sync();
    } catch (error) {
      lost ??= { error };
    }
    syncing = undefined;
  }
  async function store(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const written = file.write(bytes.subarray(done, done + PIECE), at + done);
      done += written;
      untilTurn -= written;
      unsynced += written;
      if (unsynced >= PER_SYNC) syncing ??= syncNow();
      if (untilTurn > 0) continue;
      untilTurn = PER_TURN;
      await turn();
    }
  }
  /** What cannot be written stays gathered, so that whoever asks again is told again. */
  async function flush(): Promise<void> {
    await store(buffer.subarray(0, gathered), position - gathered);
    gathered = 0;
  }
  function gather(chunk: Uint8Array): void {
    if (gathered + chunk.length > buffer.length) {
      const length = Math.min(PIECE, 2 * Math.max(buffer.length, chunk.length));
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
      if (gathered + chunk.length > PIECE) await flush();
      if (chunk.length >= PIECE) await store(chunk, position);
      else gather(chunk);
      position += chunk.length;
    },
    flush,
    async sync() {
      await flush();
      await syncing;
      await syncNow();
      if (lost) throw lost.error;
    },
  };
}
