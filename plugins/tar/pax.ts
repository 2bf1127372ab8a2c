import { Buffer } from "node:buffer";
import { BLOCK, broken, fits, makeHeader, type NewHeader, padded } from "./block.ts";

/** What an extension header says that matters here. */
export interface Extension {
  readonly path?: string;
  /** Where in the extension the path begins. */
  readonly pathAt?: number;
  readonly size?: number;
  /** Where a link leads to. */
  readonly link?: string;
  /** The file is kept with holes left out: what follows are not its bytes. */
  readonly sparse?: true;
}

/** Reads the records of an extension header; `at` is where they stand. Throws `corrupt`. */
export function readRecords(bytes: Uint8Array, at: number): Extension {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let extension: Extension = {};
  for (let from = 0; from < block.length;) {
    const space = block.indexOf(0x20, from);
    const length = space < 0 || space > from + 20
      ? NaN
      : Number(block.toString("latin1", from, space));
    const end = from + length;
    const equals = space < 0 ? -1 : block.indexOf(0x3d, space);
    const whole = end <= block.length && block[end - 1] === 0x0a && equals > space && equals < end;
    // Some pad what is left of the block.
    if (!whole && block.subarray(from).every((byte) => byte === 0)) break;
    if (!whole) throw broken("an extension header has a torn record", at + from);
    const key = block.toString("latin1", space + 1, equals);
    const value = block.toString("latin1", equals + 1, end - 1);
    if (key === "path") extension = { ...extension, path: value, pathAt: equals + 1 };
    if (key === "linkpath") extension = { ...extension, link: value };
    if (key === "size") extension = { ...extension, size: readSize(value, at + from) };
    if (key.startsWith("GNU.sparse.")) extension = { ...extension, sparse: true };
    from = end;
  }
  return extension;
}

function readSize(value: string, at: number): number {
  const size = /^\d+$/.test(value) ? Number(value) : NaN;
  if (!Number.isSafeInteger(size)) throw broken("an extension header has no size", at);
  return size;
}

/** The header blocks of a member: one, or an extension header before it where name or size do not fit. */
export function headersOf(member: NewHeader): Uint8Array<ArrayBuffer> {
  const block = makeHeader(member);
  if (fits(member)) return block;
  // The path first, and so in one sector with what is renamed of it.
  const records = [record("path", member.name), record("size", String(member.size))].join("");
  const bytes = new Uint8Array(2 * BLOCK + padded(records.length));
  bytes.set(makeHeader({ name: "PaxHeaders/stowage", size: records.length, type: "x" }));
  bytes.set(Buffer.from(records, "latin1"), BLOCK);
  bytes.set(block, bytes.length - BLOCK);
  return bytes;
}

function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (`${length}${rest}`.length !== length) length++;
  return `${length}${rest}`;
}
