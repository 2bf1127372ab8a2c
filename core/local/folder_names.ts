import { Buffer } from "node:buffer";
import { closeSync, constants, openSync, readdirSync } from "node:fs";

/** Reads entries of an open folder into a buffer; how many bytes, 0 at the end, negative if that failed. */
type ReadEntries = (folder: number, into: Uint8Array, size: number) => number;

/** Some thousands of entries. */
const ROOM = 256 << 10;

/**
 * The names in a folder, some thousands at a time where the runtime can: those of a million blobs at once would need
 * 150 MiB. Throws as `readdir` does.
 */
export async function* namesIn(path: string): AsyncGenerator<readonly string[]> {
  const read = await entryReader();
  const room = new Uint8Array(ROOM);
  const folder = openSync(path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
  try {
    for (let first = true;; first = false) {
      const length = read?.(folder, room, ROOM) ?? -1;
      if (length < 0 && !first) throw new Error(`Cannot read on in "${path}"`);
      if (length < 0) yield readdirSync(path);
      if (length <= 0) return;
      yield [...namesOf(room.subarray(0, length))];
    }
  } finally {
    closeSync(folder);
  }
}

/** The names in what the kernel gives: inode and offset, 8 bytes each, length in 2, type in 1, the name up to a NUL. */
function* namesOf(entries: Uint8Array): Generator<string> {
  const buffer = Buffer.from(entries.buffer, entries.byteOffset, entries.length);
  for (let at = 0; at < buffer.length; at += buffer.readUInt16LE(at + 16)) {
    const name = buffer.toString("utf8", at + 19, buffer.indexOf(0, at + 19));
    if (name !== "." && name !== "..") yield name;
  }
}

/** What is used of `bun:ffi`. */
interface BunFfi {
  dlopen(library: string, symbols: object): { symbols: { getdents64: ReadEntries } };
}

/** The kernel's own call, by Bun on Linux; no other runtime offers a way to read a folder bit by bit. */
async function entryReader(): Promise<ReadEntries | undefined> {
  if (!("Bun" in globalThis)) return undefined;
  // Not a literal, which Deno would try to resolve.
  const name = "bun:ffi";
  try {
    const { dlopen } = await import(name) as BunFfi;
    const getdents64 = { args: ["i32", "ptr", "i32"], returns: "i32" };
    return dlopen("libc.so.6", { getdents64 }).symbols.getdents64;
  } catch {
    return undefined;
  }
}
