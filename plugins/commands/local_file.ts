import { readSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import {
  type Algorithm,
  chunksOf,
  createDigester,
  type Digest,
  errnoOf,
  fileError,
  type Source,
} from "../../core/mod.ts";
import { type Pace, unhurried } from "./pace.ts";

const STEP = 1 << 20;

/** What the file system said about a path, as an error of the library; other errors are left as they are. */
export function failedFile(error: unknown, verb: "read" | "write", path: string): unknown {
  if (errnoOf(error) === undefined) return error;
  return fileError(error, `Cannot ${verb} ${JSON.stringify(path)}`, verb);
}

/** A file as a source: opened when the first byte is asked for, closed after the last, and read at that pace. */
export function fileSource(
  path: string,
  pace: Pace = unhurried,
): Source & { open(offset: number): Promise<AsyncIterable<Uint8Array>> } {
  return { open: (offset) => Promise.resolve(chunksOfFile(path, offset, pace)) };
}

async function* chunksOfFile(
  path: string,
  offset: number,
  pace: Pace,
): AsyncGenerator<Uint8Array> {
  const failed = (error: unknown) => Promise.reject(failedFile(error, "read", path));
  const file = await open(path).catch(failed);
  try {
    const buffer = new Uint8Array(Math.min(STEP, pace.step));
    // A file is read at once, which is cheaper, with a turn for others; a pipe may keep its reader waiting.
    const regular = (await file.stat()).isFile();
    const readSome = async (at: number | null) =>
      regular
        ? readSync(file.fd, buffer, 0, buffer.length, at)
        : (await file.read(buffer, 0, buffer.length, at)).bytesRead;
    // Without a position a pipe can be read too.
    for (let at: number | null = offset > 0 ? offset : null;;) {
      const bytesRead = await readSome(at).catch(failed);
      if (bytesRead === 0) return;
      if (at !== null) at += bytesRead;
      await pace(bytesRead);
      if (regular) await turn();
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** What is at a path, links followed; undefined if nothing is. */
export async function statFile(
  path: string,
): Promise<{ kind: "file" | "folder" | "stream"; size: number } | undefined> {
  try {
    const found = await stat(path);
    const kind = found.isFile() ? "file" : found.isDirectory() ? "folder" : "stream";
    return { kind, size: found.size };
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(errnoOf(error) ?? "")) return undefined;
    throw failedFile(error, "read", path);
  }
}

/** The digest of a file; ends with `aborted` as soon as the signal fires. */
export async function digestOfFile(
  path: string,
  { algorithm, signal }: { algorithm?: Algorithm; signal?: AbortSignal } = {},
): Promise<Digest> {
  const digester = createDigester(algorithm);
  const chunks = chunksOf(fileSource(path), { signal });
  try {
    for await (const chunk of chunks) digester.update(chunk);
  } finally {
    await chunks.cancel();
  }
  return digester.digest();
}
