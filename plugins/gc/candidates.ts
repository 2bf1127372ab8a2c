import type { BlobInfo } from "../../core/mod.ts";
import { type BlobList, createBlobList } from "./blob_list.ts";

/** A blob nothing reaches. */
export interface Candidate {
  readonly blob: BlobInfo;
  /** A manifest or index: these go before what they point at. */
  readonly node: boolean;
}

/** Blobs nothing reaches, nodes first. */
export interface Candidates extends Iterable<Candidate> {
  /** Manifests and indexes. */
  readonly n: BlobList;
  /** All else. */
  readonly l: BlobList;
  /** How many there are. */
  readonly length: number;
  /** Their sizes, summed. */
  readonly bytes: number;
  /** Adds one. */
  add(candidate: Candidate): void;
  /** Gives up all of them; how many there were, and their bytes, it still says. */
  forget(): void;
}

/** The list of these. */
export function createCandidates(candidates: Iterable<Candidate> = []): Candidates {
  const [n, l] = [createBlobList(), createBlobList()];
  const list: Candidates = {
    n,
    l,
    get length() {
      return n.length + l.length;
    },
    get bytes() {
      return n.bytes + l.bytes;
    },
    add: ({ blob, node }) => (node ? n : l).add(blob),
    forget() {
      n.forget();
      l.forget();
    },
    *[Symbol.iterator]() {
      for (const blob of n) yield { blob, node: true };
      for (const blob of l) yield { blob, node: false };
    },
  };
  for (const candidate of candidates) list.add(candidate);
  return list;
}
