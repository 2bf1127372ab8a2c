import { Buffer } from "node:buffer";
import { closeSync, constants, openSync, readdirSync } from "node:fs";

/** Reads entries of an open folder into a buffer; how many bytes, 0 at the end, negative if that failed. */
type ReadEntries = (folder: number, into: Uint8Array, size: number) => number;

/** Whether a name of 64 bytes, which begins there, is left out. */
type SkipHex = (bytes: Uint8Array, at: number) => boolean;

/** Where the name begins in an entry, how long a sha256 in hex is, and an entry with one. */
const [NAME, HEX, HEX_ENTRY] = [19, 64, 88];
/** Some thousands of entries. */
const ROOM = 256 << 10;

/**
 * The names in a folder, some thousands at a time where the runtime can: those of a million blobs at once would need
 * 150 MiB. There, `skip` may leave out names before they are made a text. Throws as `readdir` does.
 */
export async function* namesIn(
  path: string,
  skip?: SkipHex,
): AsyncGenerator<readonly string[]> {
  const read = await entryReader();
  const room = new Uint8Array(ROOM);
  const folder = openSync(path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0));
  try {
    for (let first = true;; first = false) {
      const length = read?.(folder, room, ROOM) ?? -1;
      if (length < 0 && !first) throw new Error(`Cannot read on in "${path}"`);
      if (length < 0) yield readdirSync(path);
      if (length <= 0) return;
      yield [...namesOf(room.subarray(0, length), skip)];
    }
  } finally {
    closeSync(folder);
  }
}

/** The names in what the kernel gives: inode and offset, 8 bytes each, length in 2, type in 1, the name up to a NUL. */
function* namesOf(entries: Uint8Array, skip?: SkipHex): Generator<string> {
  const buffer = Buffer.from(entries.buffer, entries.byteOffset, entries.length);
  for (let at = 0, length = 0; at < buffer.length; at += length) {
    length = (buffer[at + 16] ?? 0) | (buffer[at + 17] ?? 0) << 8;
    const name = at + NAME;
    if (skip && length === HEX_ENTRY && buffer[name + HEX] === 0 && skip(buffer, name)) continue;
    const text = buffer.toString("utf8", name, buffer.indexOf(0, name));
    if (text !== "." && text !== "..") yield text;
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
