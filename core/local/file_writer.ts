import type { FileHandle } from "node:fs/promises";

const SMALL = 1 << 16;
const GATHERED = 1 << 20;

/** Writes to a file from a position on: small chunks are gathered, others go as they are. */
export interface FileWriter {
  /** Where the next byte goes, gathered ones counted. */
  readonly position: number;
  /** Takes a chunk, which is the caller's again once this has resolved. */
  write(chunk: Uint8Array): Promise<void>;
  /** Writes what is gathered. */
  flush(): Promise<void>;
}

/** Starts to write at a position. */
export function fileWriter(file: FileHandle, position: number): FileWriter {
  let buffer = new Uint8Array(0);
  let gathered = 0;
  let stored = position;

  async function store(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, stored);
      done += bytesWritten;
      stored += bytesWritten;
    }
  }
  async function flush(): Promise<void> {
    const bytes = buffer.subarray(0, gathered);
    gathered = 0;
    await store(bytes);
  }
  function gather(chunk: Uint8Array): void {
    if (gathered + chunk.length > buffer.length) {
      const grown = new Uint8Array(Math.min(GATHERED, Math.max(2 * buffer.length, 2 * chunk.length)));
      grown.set(buffer.subarray(0, gathered));
      buffer = grown;
    }
    buffer.set(chunk, gathered);
    gathered += chunk.length;
  }

  return {
    get position() {
      return stored + gathered;
    },
    async write(chunk) {
      if (gathered + chunk.length > GATHERED || chunk.length >= SMALL) await flush();
      if (chunk.length >= SMALL) await store(chunk);
      else gather(chunk);
    },
    flush,
  };
}
