import { Buffer } from "node:buffer";
import { OciError } from "../../core/mod.ts";

/** Everything in an archive begins at a multiple of this. */
export const BLOCK = 512;

/** `length` rounded up to whole blocks. */
export function padded(length: number): number {
  return Math.ceil(length / BLOCK) * BLOCK;
}

/** What one header block says of itself. */
export interface Header {
  /** Prefix and name, joined. */
  readonly name: string;
  /** Where that begins in the block. */
  readonly nameAt: number;
  readonly size: number;
  /** One character; `0` for a regular file, however it is spelled. */
  readonly type: string;
  /** Seconds since 1970. */
  readonly mtime: number;
}

const [NAME, MODE, UID, GID, SIZE, MTIME, SUM, TYPE, MAGIC, PREFIX] = [
  [0, 100],
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [136, 12],
  [148, 8],
  [156, 1],
  [257, 8],
  [345, 155],
] as const;
const LARGEST_OCTAL = 8 ** 11 - 1;

/** Whether a block holds nothing but zeros. */
export function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** What is thrown where an archive does not say what it should. */
export function broken(why: string, at: number): OciError {
  return new OciError("corrupt", `Cannot read the archive: ${why} at offset ${at}`);
}

/** Reads a header block; `at` is where it stands. Throws `corrupt`. */
export function readHeader(bytes: Uint8Array, at: number): Header {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, BLOCK);
  const { unsigned, signed } = checksums(block);
  const sum = number(block, SUM, at, "checksum");
  if (sum !== unsigned && sum !== signed) throw broken("a header has a wrong checksum", at);
  const magic = text(block, MAGIC);
  // GNU's own format keeps times where others keep a prefix.
  const prefix = magic.startsWith("ustar") && magic !== "ustar  " ? text(block, PREFIX) : "";
  const name = text(block, NAME);
  const typed = text(block, TYPE);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    nameAt: prefix === "" ? NAME[0] : PREFIX[0],
    size: number(block, SIZE, at, "size"),
    type: typed === "" || typed === "7" ? "0" : typed,
    mtime: time(block),
  };
}

/** What a member of ours says in its header block; what does not fit is in its extension header. */
export interface NewHeader {
  readonly name: string;
  readonly size: number;
  readonly type?: "0" | "5" | "x";
  readonly mode?: number;
  readonly mtime?: number;
}

/** Makes a ustar header block: no owner, and nothing else that differs from one machine to the next. */
export function makeHeader(
  { name, size, type = "0", mode = 0o644, mtime = 0 }: NewHeader,
): Uint8Array<ArrayBuffer> {
  const block = Buffer.alloc(BLOCK);
  const octal = ([at, length]: readonly [number, number], value: number) =>
    block.write(value.toString(8).padStart(length - 1, "0"), at, "latin1");
  block.write(name.slice(0, NAME[1]), 0, "latin1");
  octal(MODE, mode);
  octal(UID, 0);
  octal(GID, 0);
  octal(SIZE, size > LARGEST_OCTAL ? 0 : size);
  octal(MTIME, mtime);
  block.write(type, TYPE[0], "latin1");
  block.write("ustar\x0000", MAGIC[0], "latin1");
  seal(block);
  return new Uint8Array(block);
}

/** Whether name and size have a place in a ustar header block. */
export function fits({ name, size }: NewHeader): boolean {
  return name.length <= NAME[1] && size <= LARGEST_OCTAL;
}

/** Writes the checksum of a changed header block into it. */
export function seal(block: Uint8Array): void {
  const { unsigned } = checksums(block);
  const text = `${unsigned.toString(8).padStart(6, "0")}\0 `;
  for (let i = 0; i < text.length; i++) block[SUM[0] + i] = text.charCodeAt(i);
}

/** Gives a header block another name, which must fit. */
export function rename(block: Uint8Array, name: string): void {
  block.fill(0, NAME[0], NAME[1]);
  block.fill(0, PREFIX[0], PREFIX[0] + PREFIX[1]);
  for (let i = 0; i < name.length; i++) block[i] = name.charCodeAt(i);
  seal(block);
}

function checksums(block: Uint8Array): { unsigned: number; signed: number } {
  let [unsigned, signed] = [0, 0];
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= SUM[0] && i < SUM[0] + SUM[1] ? 0x20 : block[i] ?? 0;
    unsigned += byte;
    signed += byte << 24 >> 24;
  }
  return { unsigned, signed };
}

function text(block: Buffer, [at, length]: readonly [number, number]): string {
  const end = block.indexOf(0, at);
  return block.toString("latin1", at, end < 0 || end > at + length ? at + length : end);
}

function time(block: Buffer): number {
  const digits = text(block, MTIME).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : 0;
}

function number(
  block: Buffer,
  [at, length]: readonly [number, number],
  header: number,
  what: string,
): number {
  const first = block[at] ?? 0;
  if (first & 0x80) return binary(block.subarray(at, at + length), header, what);
  const digits = text(block, [at, length]).trim();
  if (!/^[0-7]*$/.test(digits)) throw broken(`a header has no ${what}`, header);
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

/** A number that does not fit octal digits, as GNU tar and others write it. */
function binary(field: Uint8Array, at: number, what: string): number {
  let value = (field[0] ?? 0) & 0x7f;
  if (value & 0x40) throw broken(`a header has a negative ${what}`, at);
  for (const byte of field.subarray(1)) value = value * 256 + byte;
  if (!Number.isSafeInteger(value)) throw broken(`a header has an absurd ${what}`, at);
  return value;
}
