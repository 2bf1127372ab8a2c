import type { BlobInfo, Digest } from "../../core/mod.ts";

/**
 * Blobs as lines of text, as they are condemned by: some hundred bytes each, where objects take four hundred. Each look
 * at them makes the objects anew.
 */
export interface BlobList extends Iterable<BlobInfo> {
  /** How many there are. */
  readonly length: number;
  /** Their sizes, summed. */
  readonly bytes: number;
  /** Adds one. */
  add(blob: BlobInfo): void;
  /** A line for each. */
  lines(): Iterable<string>;
}

/** Lines that are kept as one text. */
const CHUNK = 256;

/** A list of these. */
export function createBlobList(blobs: Iterable<BlobInfo> = []): BlobList {
  const chunks: string[] = [];
  let last: string[] = [];
  let [length, bytes] = [0, 0];
  function* lines() {
    for (const chunk of chunks) yield* chunk.split("\n");
    yield* last;
  }
  const list: BlobList = {
    lines,
    get length() {
      return length;
    },
    get bytes() {
      return bytes;
    },
    add(blob) {
      length++;
      bytes += blob.size;
      last.push(lineOf(blob));
      if (last.length < CHUNK) return;
      chunks.push(last.join("\n"));
      last = [];
    },
    *[Symbol.iterator]() {
      for (const line of lines()) yield blobOf(line);
    },
  };
  for (const blob of blobs) list.add(blob);
  return list;
}

function lineOf({ digest, size, modified, version = "" }: BlobInfo): string {
  return `${digest} ${size} ${modified?.getTime() ?? ""} ${version}`;
}

/** What a line says. */
export function blobOf(line: string): BlobInfo {
  const [digest = "", size, modified, version = ""] = line.split(" ");
  return {
    digest: digest as Digest,
    size: Number(size),
    ...(modified ? { modified: new Date(Number(modified)) } : {}),
    ...(version === "" ? {} : { version }),
  };
}

/** The digest that a line begins with. */
export function digestIn(line: string): Digest {
  return line.slice(0, line.indexOf(" ")) as Digest;
}

/** Those of these for which `stays` answers true. */
export function* only<T>(items: Iterable<T>, stays: (item: T) => boolean): Generator<T> {
  for (const item of items) if (stays(item)) yield item;
}
