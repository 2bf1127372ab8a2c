import { createHash } from "node:crypto";

// The text of an index that this program wrote: one entry a line, and last a seal, the hash of all the rest. While the
// seal holds, nobody else has touched the text, so that it need not be judged again, nor read as a whole.

/** The annotation that holds the seal. */
export const SEAL = "dev.stowage.seal";
const BEGIN = `,"${SEAL}":"`;
const END = '"}}';
const HEX = 64;
const STEP = 1 << 14;

/** A text that ends with its annotations, sealed. */
export function seal(text: string): string {
  const open = text.slice(0, -2);
  return open + BEGIN + hashOf(open) + END;
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

const encoder = new TextEncoder();
const room = new Uint8Array(3 * STEP + 3);

/** The hash of a text, taken piece by piece: a large one is not copied for it. */
function hashOf(text: string): string {
  const hash = createHash("sha256");
  for (let at = 0, end = 0; at < text.length; at = end) {
    end = at + STEP;
    // A pair of surrogates is one letter.
    if (/[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end++;
    hash.update(room.subarray(0, encoder.encodeInto(text.slice(at, end), room).written));
  }
  return hash.digest("hex");
}
