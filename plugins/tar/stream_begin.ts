import { Buffer } from "node:buffer";
import { BLOCK, readHeader } from "./block.ts";
import { compressionIn } from "./inflate.ts";
import { BLOBS, FACTS, meaningOf } from "./names.ts";

const DOCS = ["oci-layout", "index.json", FACTS];
/** Members without a body that may come before anything that tells what an archive is. */
const MOST_FOLDERS = 8;

/** The first blocks of a stream, and all of it. */
export async function begun(source: AsyncIterable<Uint8Array>) {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (length < MOST_FOLDERS * BLOCK) {
    const { done, value } = await iterator.next();
    if (done) break;
    chunks.push(value);
    length += value.length;
  }
  async function* input() {
    yield* chunks;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head: Buffer.concat(chunks), input: input() };
}

/**
 * Whether a stream begins as a layout does, and so can be read as it comes. Where it is compressed, or begins with files
 * of others, as a docker archive does, only all of it tells what it is.
 */
export function isPlain(head: Uint8Array): boolean {
  if (compressionIn(head)) return false;
  try {
    for (let at = 0; at + BLOCK <= head.length; at += BLOCK) {
      const { name, type } = readHeader(head.subarray(at), at);
      const path = name.replace(/^(\.\/)+/, "");
      const { kind } = meaningOf(name);
      if (type === "5" && (path === "" || path === "." || path === BLOBS)) continue;
      if (type !== "0" && type !== "5") return true;
      return kind === "doc" ? DOCS.includes(path) : kind !== "other" || path.startsWith(BLOBS);
    }
  } catch {
    // Whoever reads it complains.
  }
  return true;
}
