import { createHash } from "node:crypto";
import { utf8Pieces } from "./utf8_pieces.ts";

// The text of an index that this program wrote: one entry a line, and last a seal, the hash of all the rest. While the
// seal holds, nobody else has touched the text, so that it need not be judged again, nor read as a whole.

/** The annotation that holds the seal. */
export const SEAL = "dev.stowage.seal";
const BEGIN = `,"${SEAL}":"`;
const END = '"}}';
const HEX = 64;

/** A text in parts, which lacks the ends of its annotations and its own, sealed. */
export function seal(...parts: readonly string[]): string {
  return parts.reduce((text, part) => text + part, "") + BEGIN + hashOf(...parts) + END;
}

/** Whether a text is as it was sealed. */
export function isSealed(text: string): boolean {
  const at = text.length - END.length - HEX - BEGIN.length;
  if (at < 0 || !text.endsWith(END) || !text.startsWith(BEGIN, at)) return false;
  return text.startsWith(hashOf(text.slice(0, at)), at + BEGIN.length);
}

/** A sealed text as what is around its entries, and their lines. */
export function splitSealed(text: string): { around: string; lines: string } {
  const [first, last] = [text.indexOf("\n"), text.lastIndexOf("\n")];
  if (first < 0) return { around: text, lines: "\n" };
  const lines = text.slice(first, last + 1);
  return { around: text.slice(0, first) + text.slice(last + 1), lines };
}

/** The hash of a text that comes in parts. */
function hashOf(...parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) for (const piece of utf8Pieces(part)) hash.update(piece);
  return hash.digest("hex");
}
