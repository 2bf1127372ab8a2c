// Files that are named on the command line: keys, policies, passphrases.
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { Buffer } from "node:buffer";
import {
  errnoOf,
  fileError,
  isOciError,
  messageOf,
  OciError,
  randomHex,
  systemClock,
  usageError,
} from "../../core/mod.ts";

/** The text of a file, of at most `limit` bytes; what cannot be read is a usage error. */
export function readFileText(path: string, what: string, limit: number): string {
  const action = `Cannot read ${what} ${JSON.stringify(path)}`;
  try {
    const fd = openSync(path, "r");
    try {
      if (fstatSync(fd).isDirectory()) throw usageError(`${action}: it is a folder`);
      const buffer = Buffer.alloc(limit + 1);
      let length = 0;
      for (let got = -1; got !== 0 && length <= limit; length += got) {
        got = readSync(fd, buffer, length, buffer.length - length, null);
      }
      if (length > limit) throw usageError(`${action}: it has more than ${limit} bytes`);
      return buffer.toString("utf8", 0, length);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isOciError(error)) throw error;
    throw usageError(`${action}: ${whyNot(error)}`);
  }
}

/** What the system objects to, in words. */
function whyNot(error: unknown): string {
  const errno = errnoOf(error) ?? "";
  if (["ENOENT", "ENOTDIR"].includes(errno)) return "there is no such file";
  return /^\w+: (.*?), \w+( |$)/.exec(messageOf(error))?.[1] ?? messageOf(error);
}

/** Names the file in what is objected to what it holds. */
export async function naming<T>(
  what: "the key" | "the policy",
  path: string,
  read: () => T | Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isOciError(error)) throw error;
    const { code, reason, message } = error;
    const way = message.endsWith("there is no passphrase")
      ? ": set STOWAGE_PASSWORD, or give --passphrase-file"
      : "";
    const named = message.replace(`${what}:`, `${what} ${JSON.stringify(path)}:`);
    throw new OciError(code, named + way, { reason, cause: error.cause });
  }
}

/** How a file is written. */
export interface WriteOptions {
  readonly mode: number;
  /** Replace what is there. */
  readonly force: boolean;
}

/**
 * Writes a file that nobody else may have made meanwhile, wholly or not at all; what is replaced stays until then.
 * Throws `already_exists`, `read_only`, `unavailable`.
 */
export function writeNewFile(path: string, text: string, { mode, force }: WriteOptions): void {
  const quoted = JSON.stringify(path);
  const made = force ? `${path}.${randomHex(systemClock, 8)}` : path;
  try {
    const fd = openSync(made, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } catch (error) {
      rmSync(made, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
    if (!force) return;
    try {
      renameSync(made, path);
    } catch (error) {
      rmSync(made, { force: true });
      throw error;
    }
  } catch (error) {
    if (errnoOf(error) === "EEXIST") {
      throw new OciError(
        "already_exists",
        `Cannot write ${quoted}: it is there already; --force replaces it`,
      );
    }
    throw fileError(error, `Cannot write ${quoted}`);
  }
}
