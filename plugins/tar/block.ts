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
  /** Where a link leads to. */
  readonly link?: string;
}

/** Where something stands in a header block. */
interface Field {
  readonly at: number;
  /** Where the next one begins. */
  readonly end: number;
}

const field = (at: number, length: number): Field => ({ at, end: at + length });
const NAME = field(0, 100);
const MODE = field(100, 8);
const UID = field(108, 8);
const GID = field(116, 8);
const SIZE = field(124, 12);
const MTIME = field(136, 12);
const SUM = field(148, 8);
const TYPE = 156;
const LINK = field(157, 100);
const MAGIC = 257;
const PREFIX = field(345, 155);
const LARGEST_OCTAL = 8 ** 11 - 1;

/** Whether a block holds nothing but zeros. */
export function isZero(block: Uint8Array): boolean {
  for (let at = 0; at < block.length; at++) if (block[at] !== 0) return false;
  return true;
}

/** What is thrown where an archive does not say what it should. */
export function broken(why: string, at: number): OciError {
  return new OciError("corrupt", `Cannot read the archive: ${why} at offset ${at}`);
}

/** Whether a block may be meant as a header, or as nothing: a damaged one still says what it is. */
export function looksLikeHeader(block: Uint8Array): boolean {
  if (block.length < BLOCK) return false;
  const buffer = Buffer.from(block.buffer, block.byteOffset, BLOCK);
  if (buffer.toString("latin1", MAGIC, MAGIC + 5) === "ustar" || isZero(block)) return true;
  const sum = digitsIn(block, SUM);
  return sum === checksum(block) || sum === signedChecksum(block);
}

/**
 * Reads a header block; `at` is where it stands. Names are bytes, one a character, whatever they are encoded in. Throws
 * `corrupt`.
 */
export function readHeader(bytes: Uint8Array, at: number): Header {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, BLOCK);
  const sum = number(block, SUM, at, "checksum");
  if (sum !== checksum(block) && sum !== signedChecksum(block)) {
    throw broken("a header has a wrong checksum", at);
  }
  const name = text(block, NAME);
  const prefix = hasPrefix(block) ? text(block, PREFIX) : "";
  const type = block[TYPE];
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    nameAt: prefix === "" ? NAME.at : PREFIX.at,
    size: number(block, SIZE, at, "size"),
    type: type === 0 || type === 0x37 ? "0" : String.fromCharCode(type ?? 0),
    mtime: digitsIn(block, MTIME) ?? 0,
    ...(type === 0x31 || type === 0x32 ? { link: text(block, LINK) } : {}),
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
  const octal = ({ at, end }: Field, value: number) =>
    block.write(value.toString(8).padStart(end - at - 1, "0"), at, "latin1");
  block.write(name.slice(0, NAME.end), 0, "latin1");
  octal(MODE, mode);
  octal(UID, 0);
  octal(GID, 0);
  octal(SIZE, size > LARGEST_OCTAL ? 0 : size);
  octal(MTIME, mtime);
  block.write(type, TYPE, "latin1");
  block.write("ustar\x0000", MAGIC, "latin1");
  seal(block);
  return new Uint8Array(block);
}

/** Whether name and size have a place in a ustar header block. */
export function fits({ name, size }: NewHeader): boolean {
  return name.length <= NAME.end && size <= LARGEST_OCTAL;
}

/** Writes the checksum of a changed header block into it. */
export function seal(block: Uint8Array): void {
  const text = `${checksum(block).toString(8).padStart(6, "0")}\0 `;
  for (let i = 0; i < text.length; i++) block[SUM.at + i] = text.charCodeAt(i);
}

/** Gives a header block another name, which must fit. */
export function rename(block: Uint8Array, name: string): void {
  block.fill(0, NAME.at, NAME.end);
  block.fill(0, PREFIX.at, PREFIX.end);
  for (let i = 0; i < name.length; i++) block[i] = name.charCodeAt(i);
  seal(block);
}

/** The sum of all bytes, its own field read as blanks. */
function checksum(block: Uint8Array): number {
  let sum = (SUM.end - SUM.at) * 0x20;
  for (let at = 0; at < BLOCK; at++) sum += block[at] ?? 0;
  for (let at = SUM.at; at < SUM.end; at++) sum -= block[at] ?? 0;
  return sum;
}

/** The same as those wrote it whose characters have signs. */
function signedChecksum(block: Uint8Array): number {
  let sum = checksum(block);
  for (let at = 0; at < BLOCK; at++) {
    if ((block[at] ?? 0) > 0x7f && (at < SUM.at || at >= SUM.end)) sum -= 256;
  }
  return sum;
}

/** GNU's own format keeps times where others keep a prefix. */
function hasPrefix(block: Buffer): boolean {
  if (block[PREFIX.at] === 0) return false;
  const magic = block.toString("latin1", MAGIC, MAGIC + 8);
  return magic.startsWith("ustar") && magic !== "ustar  \0";
}

function text(block: Buffer, { at, end }: Field): string {
  const zero = block.indexOf(0, at);
  return block.toString("latin1", at, zero < 0 || zero > end ? end : zero);
}

/** A number in octal digits, blanks before and behind it, up to the first zero byte; 0 where there are none. */
function digitsIn(block: Uint8Array, { at, end }: Field): number | undefined {
  let value = 0;
  let [begun, ended] = [false, false];
  for (let i = at; i < end; i++) {
    const byte = block[i] ?? 0;
    if (byte === 0) break;
    if (byte === 0x20) ended = begun;
    else if (ended || byte < 0x30 || byte > 0x37) return undefined;
    else {
      value = value * 8 + byte - 0x30;
      begun = true;
    }
  }
  return value;
}

function number(block: Buffer, field: Field, header: number, what: string): number {
  const { at, end } = field;
  if ((block[at] ?? 0) & 0x80) return binary(block.subarray(at, end), header, what);
  const value = digitsIn(block, field);
  if (value === undefined) throw broken(`a header has no ${what}`, header);
  return value;
}

/** A number that does not fit octal digits, as GNU tar and others write it. */
function binary(field: Uint8Array, at: number, what: string): number {
  let value = (field[0] ?? 0) & 0x7f;
  if (value & 0x40) throw broken(`a header has a negative ${what}`, at);
  for (const byte of field.subarray(1)) value = value * 256 + byte;
  if (!Number.isSafeInteger(value)) throw broken(`a header has an absurd ${what}`, at);
  return value;
}
