import { Buffer } from "node:buffer";
import { type BlobInfo, splitDigest } from "../../core/mod.ts";
import { thrift } from "./thrift.ts";

/**
 * Blobs packed as bytes: some eighty each, where objects take four hundred. They come in no order; each look at them
 * makes the objects anew.
 */
export interface BlobList extends Iterable<BlobInfo> {
  /** How many there are. */
  readonly length: number;
  /** Their sizes, summed. */
  readonly bytes: number;
  /** Adds one. */
  add(blob: BlobInfo): void;
  /** Those whose hash begins with this hex digit. */
  beginningWith(digit: number): Iterable<BlobInfo>;
  /** Gives up all of them; how many there were, and their bytes, it still says. */
  forget(): void;
}

/** Records one behind the other. */
interface Page {
  readonly room: Buffer;
  used: number;
}

const PAGE = 16 << 10;
const DIGITS = 16;

/** A list of these. */
export function createBlobList(blobs: Iterable<BlobInfo> = []): BlobList {
  const pages: Page[][] = Array.from({ length: DIGITS }, () => []);
  let [length, bytes] = [0, 0];

  function* beginningWith(digit: number) {
    for (const { room, used } of pages[digit] ?? []) {
      for (let at = 0; at < used;) {
        const { blob, end } = readRecord(room, at);
        yield blob;
        at = end;
      }
      thrift();
    }
  }
  const list: BlobList = {
    beginningWith,
    get length() {
      return length;
    },
    get bytes() {
      return bytes;
    },
    add(blob) {
      const { hex } = splitDigest(blob.digest);
      const some = pages[Number.parseInt(hex.charAt(0), DIGITS)] ?? [];
      const most = sizeOfRecord(blob);
      let page = some.at(-1);
      if (!page || page.used + most > page.room.length) {
        some.push(page = { room: Buffer.allocUnsafeSlow(Math.max(PAGE, most)), used: 0 });
      }
      page.used = writeRecord(page.room, page.used, blob);
      length++;
      bytes += blob.size;
    },
    forget: () => void pages.fill([]),
    *[Symbol.iterator]() {
      for (let digit = 0; digit < DIGITS; digit++) yield* beginningWith(digit);
    },
  };
  for (const blob of blobs) list.add(blob);
  return list;
}

/** Those of these for which `stays` answers true. */
export function* only<T>(items: Iterable<T>, stays: (item: T) => boolean): Generator<T> {
  for (const item of items) if (stays(item)) yield item;
}

/** How much room a blob needs at most. */
function sizeOfRecord({ digest, version = "" }: BlobInfo): number {
  return 2 * LENGTH + NUMBERS + digest.length + version.length * 3;
}

const LENGTH = 2;
const NUMBERS = 16;

/** Writes size, time, algorithm and version, each text behind its length, then the hash; gives where it ends. */
function writeRecord(room: Buffer, start: number, { digest, size, modified, version }: BlobInfo) {
  const { algorithm, hex } = splitDigest(digest);
  room.writeDoubleLE(size, start);
  room.writeDoubleLE(modified?.getTime() ?? NaN, start + 8);
  let at = start + NUMBERS;
  for (const text of [algorithm, version ?? ""]) {
    const written = room.write(text, at + LENGTH, "utf8");
    room.writeUInt16LE(written, at);
    at += LENGTH + written;
  }
  room.writeUInt16LE(hex.length / 2, at);
  return at + LENGTH + room.write(hex, at + LENGTH, "hex");
}

function readRecord(room: Buffer, start: number): { blob: BlobInfo; end: number } {
  const algorithm = start + NUMBERS + LENGTH;
  const version = algorithm + room.readUInt16LE(algorithm - LENGTH) + LENGTH;
  const hash = version + room.readUInt16LE(version - LENGTH) + LENGTH;
  const end = hash + room.readUInt16LE(hash - LENGTH);
  const name = room.toString("latin1", algorithm, version - LENGTH);
  const time = room.readDoubleLE(start + 8);
  const blob = {
    digest: `${name}:${room.toString("hex", hash, end)}` as const,
    size: room.readDoubleLE(start),
    ...(Number.isNaN(time) ? {} : { modified: new Date(time) }),
    ...(version === hash - LENGTH
      ? {}
      : { version: room.toString("utf8", version, hash - LENGTH) }),
  };
  return { blob, end };
}
