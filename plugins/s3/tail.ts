// What follows the text of a stored document: a line of blanks and tabs, a bit each. Half of them are chance, so that
// equal texts differ in their ETag and a writer knows its own. The other half says what the writer knew of the store,
// bound to where it was: so whoever opens a layout learns it with the index, by one request.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { type Clock, decodeUtf8, randomHex } from "../../core/mod.ts";
import { packStamp, type Stamp, unpackStamp } from "./ability.ts";

const CHANCE = 16;
const HEX = CHANCE + 16;
/** Bytes of a tail without its line feed: what is left of a document that was removed. */
export const TAIL = HEX * 4;
const PATTERN = new RegExp(`(^|\\n)([ \\t]{${TAIL}})$`);

/** A document as it is stored. */
export interface Text {
  /** Undefined for one that was removed. */
  readonly text: string | undefined;
  readonly stamp?: Stamp | undefined;
}

/** The bytes of a document; of one that is removed, the tail alone. `where` binds the stamp. */
export function withTail(
  { text, stamp }: Text,
  where: string,
  clock: Clock,
): Uint8Array {
  const packed = stamp ? hex8(packStamp(stamp, clock.now())) : "00000000";
  const tail = randomHex(clock, CHANCE) + packed + seal(where, packed);
  const blanks = [...tail].map(blanksOf).join("");
  return Buffer.from(text === undefined ? blanks : `${text}\n${blanks}`);
}

/** The text of stored bytes; those without a tail are all text. Throws `corrupt` if they are not UTF-8. */
export function withoutTail(bytes: Uint8Array, where: string, now: number): Text {
  const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    .subarray(-TAIL - 1).toString("latin1");
  const found = PATTERN.exec(end);
  if (!found || (found[1] === "" && bytes.length !== TAIL)) return { text: decodeUtf8(bytes) };
  const hex = hexOf(found[2] ?? "");
  const packed = hex.slice(CHANCE, CHANCE + 8);
  const valid = hex.slice(CHANCE + 8) === seal(where, packed);
  const stamp = valid ? unpackStamp(Number.parseInt(packed, 16), now) : undefined;
  if (bytes.length === TAIL) return { text: undefined, stamp };
  return { text: decodeUtf8(bytes.subarray(0, bytes.length - TAIL - 1)), stamp };
}

function seal(where: string, packed: string): string {
  return createHash("sha256").update(`${where}\n${packed}`).digest("hex").slice(0, 8);
}

const hex8 = (value: number) => value.toString(16).padStart(8, "0");

function blanksOf(digit: string): string {
  const bits = Number.parseInt(digit, 16).toString(2).padStart(4, "0");
  return bits.replaceAll("0", " ").replaceAll("1", "\t");
}

function hexOf(blanks: string): string {
  return blanks.replace(/.{4}/g, (four) => {
    const bits = four.replaceAll(" ", "0").replaceAll("\t", "1");
    return Number.parseInt(bits, 2).toString(16);
  });
}
