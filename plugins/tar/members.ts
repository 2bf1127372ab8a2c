// Reads an archive header by header without knowing where its bytes come from: whoever drives it brings the bytes it
// asks for, from a file by position or from a stream in order, and may take the body of each member before it goes on.
import { Buffer } from "node:buffer";
import {
  BLOCK,
  broken,
  type Header,
  isZero,
  looksLikeHeader,
  padded,
  readHeader,
} from "./block.ts";
import { type Extension, readRecords } from "./pax.ts";
import { OciError } from "../../core/mod.ts";

/** Bytes that are needed next: at this offset, so many; fewer where the archive ends. */
export interface Need {
  readonly at: number;
  readonly length: number;
}

/** One member of an archive. */
export interface Member {
  /** Its bytes, one a character. */
  readonly name: string;
  /** One character; `0` for a regular file, `S` for one with holes. */
  readonly type: string;
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Where its own header block stands. */
  readonly header: number;
  /** Where its bytes stand. */
  readonly data: number;
  /** Where its name stands: in the header block, or in an extension. */
  readonly nameAt: number;
  /** Where a link leads to. */
  readonly link?: string;
}

/** How an archive ends. */
export interface Ending {
  /** Where the first of its two zero blocks stands, or would. */
  readonly end: number;
  /** Whether both zero blocks are there. */
  readonly marked: boolean;
}

/** Extension headers are small, and few before one member. */
const [LONGEST, MOST_EXTENSIONS] = [1 << 20, 16];
/** The bytes that the path of a file may have. */
const LONGEST_NAME = 4096;
/** More members than any layout has. */
const MOST = 2_000_000;
/** Types that have no bytes, whatever size they state. */
const BODILESS = "123456";

/**
 * Reads members from an offset up to the end; `total` is the length of the archive, if it is known. Throws `corrupt`,
 * `size_exceeded`.
 */
export function* readMembers(
  total = Infinity,
  from = 0,
): Generator<Need | Member, Ending, Uint8Array> {
  let at = from;
  let extension: Extension & { readonly nameAt?: number } = {};
  let extensions = 0;
  for (let count = 0;;) {
    const block = yield { at, length: BLOCK };
    if (block.length === 0) return ended(at, false);
    if (at === 0 && !looksLikeHeader(block)) {
      throw new OciError("invalid", "Cannot read the archive: it is no tar archive");
    }
    if (block.length < BLOCK) throw broken("the archive is cut short", at);
    if (isZero(block)) {
      const next = yield { at: at + BLOCK, length: BLOCK };
      if (next.length === BLOCK && !isZero(next)) throw broken("data follow a zero block", at);
      return ended(at, next.length === BLOCK);
    }
    const header = readHeader(block, at);
    const data = at + BLOCK;
    const size = BODILESS.includes(header.type) ? 0 : extension.size ?? header.size;
    const isExtension = "xgLKX".includes(header.type);
    const length = isExtension ? header.size : size;
    if (data + length > total) {
      throw broken(`the archive is cut short: ${length} bytes are announced`, at);
    }
    if (isExtension) {
      if (++extensions > MOST_EXTENSIONS) throw broken("too many extension headers", at);
      if (header.size > LONGEST) throw broken("an extension header is too large", at);
      const bytes = yield { at: data, length: header.size };
      if (bytes.length < header.size) throw broken("the archive is cut short", data);
      extension = extended(extension, header, bytes, data);
    } else {
      if (++count > MOST) {
        throw new OciError("size_exceeded", `Cannot read the archive: over ${MOST} members`);
      }
      const name = extension.path ?? header.name;
      const link = header.link && (extension.link ?? header.link);
      if (Math.max(name.length, link?.length ?? 0) > LONGEST_NAME) {
        throw broken("a name is too long", at);
      }
      yield {
        name,
        type: extension.sparse ? "S" : header.type,
        size,
        mtime: header.mtime,
        header: at,
        data,
        nameAt: extension.nameAt ?? at + header.nameAt,
        ...(link === undefined ? {} : { link }),
      };
      extension = {};
      extensions = 0;
    }
    at = data + padded(length);
  }

  function ended(end: number, marked: boolean): Ending {
    if (extensions > 0) throw broken("a member is missing behind its extension header", end);
    return { end, marked };
  }
}

/** What is known of the next member once this extension was read. What holds for all members says nothing of one. */
function extended(
  before: Extension,
  { type }: Header,
  bytes: Uint8Array,
  at: number,
): Extension & { readonly nameAt?: number } {
  if (type === "x" || type === "X") {
    const read = readRecords(bytes, at);
    const nameAt = read.pathAt === undefined ? {} : { nameAt: at + read.pathAt };
    return { ...before, ...read, ...nameAt };
  }
  if (type !== "L" && type !== "K") return before;
  const end = bytes.indexOf(0);
  const path = Buffer.from(bytes.subarray(0, end < 0 ? bytes.length : end)).toString("latin1");
  return type === "K" ? { ...before, link: path } : { ...before, path, nameAt: at };
}

/** Whether a step is a member, and not a need. */
export function isMember(step: Need | Member): step is Member {
  return "name" in step;
}
