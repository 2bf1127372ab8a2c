import {
  closeSync,
  createReadStream,
  createWriteStream,
  openSync,
  readSync,
  statSync,
} from "node:fs";
import { rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import {
  type Clock,
  fileError,
  isOciError,
  messageOf,
  OciError,
  uniqueName,
} from "../../core/mod.ts";

/** How an archive as a whole is compressed. */
export type Compression = "gzip" | "zstd" | "xz" | "bzip2";

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];
/** How many times its size a compressed archive may come to: layers are compressed already, so it is rarely twice. */
const RATIO = 64;
/** What is allowed in any case. */
const ALWAYS = 1 << 30;

/** How a file is compressed, by its first bytes; undefined for one that is not, or is not there. */
export function compressionOf(path: string): Compression | undefined {
  const bytes = new Uint8Array(6);
  try {
    // A pipe would be waited for.
    if (!statSync(path).isFile()) return undefined;
    const fd = openSync(path, "r");
    try {
      readSync(fd, bytes, 0, bytes.length, 0);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // Told by whoever reads it.
  }
  return compressionIn(bytes);
}

/** How what begins with these bytes is compressed; undefined if it is not. */
export function compressionIn(bytes: Uint8Array): Compression | undefined {
  return MAGIC.find(([, magic]) => magic.every((byte, at) => bytes[at] === byte))?.[0];
}

/**
 * Inflates an archive into a temporary file, streamed; whoever asked removes it. Throws `unsupported`, `corrupt`,
 * `size_exceeded`.
 */
export async function inflate(
  path: string,
  compression: Compression,
  clock: Clock,
  least = ALWAYS,
): Promise<string> {
  const action = `Cannot open "${path}"`;
  if (compression === "xz" || compression === "bzip2") {
    throw new OciError("unsupported", `${action}: it is compressed by ${compression}; unpack it`);
  }
  const inflated = join(tmpdir(), `stowage-${uniqueName(clock)}.tar`);
  const most = Math.max(least, RATIO * (await stat(path)).size);
  let length = 0;
  const limit = new Transform({
    transform(chunk: Uint8Array, _, done) {
      length += chunk.length;
      if (length <= most) return done(null, chunk);
      done(new OciError("size_exceeded", `${action}: it inflates to more than ${most} bytes`));
    },
  });
  try {
    await pipeline(
      createReadStream(path),
      compression === "gzip" ? createGunzip() : createZstdDecompress(),
      limit,
      createWriteStream(inflated, { mode: 0o600, flags: "wx" }),
    );
    return inflated;
  } catch (error) {
    await rm(inflated, { force: true });
    if (isOciError(error) || /^E[A-Z]+$/.test(String((error as { code?: unknown }).code))) {
      throw fileError(error, action, "read");
    }
    throw new OciError("corrupt", `${action}: ${messageOf(error)}`, { cause: error });
  }
}
