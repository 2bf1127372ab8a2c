// What is in a store, and the laws that the contract of a backend asks for; a mutation may take one of them away.
import type { BlobInfo, Digest, Doc } from "../../../core/mod.ts";
import type { World } from "./world.ts";

/** What a store promises. */
export interface Laws {
  /** How it deletes: exactly the copy seen, or whatever is there, but nothing after a deadline. */
  readonly protocol: "exact" | "deadline";
  /** What was deleted can come back. */
  readonly trash: boolean;
  /** A document is written only if it is as it was seen. */
  readonly swapsCompare: boolean;
  /** A delete leaves a copy alone that is not the one seen. */
  readonly deletesCompare: boolean;
  /** A delete takes no effect after its deadline. */
  readonly deletesEnd: boolean;
  /** A copy has a version that no other copy ever had, rather than one that follows its content. */
  readonly versionsAreNew: boolean;
  /** A renewed copy is another one. */
  readonly renewalsRenew: boolean;
}

/** A store that keeps its promises. */
export const lawful: Laws = {
  protocol: "exact",
  trash: false,
  swapsCompare: true,
  deletesCompare: true,
  deletesEnd: true,
  versionsAreNew: true,
  renewalsRenew: true,
};

/** How far ahead a deadline must be for the store to enforce it, in milliseconds. */
export const BOUND = 60_000;
/** How far apart the clocks of the nodes of a store may be, in milliseconds. */
export const APART = 20_000;

/** Bytes, and what is known of them. */
export interface Copy {
  readonly info: BlobInfo;
  readonly bytes: Uint8Array;
}

/** What is in a store. */
export interface Shelf {
  readonly laws: Laws;
  readonly docs: Map<string, Doc>;
  readonly copies: Map<Digest, Copy>;
  readonly trash: Map<string, Copy & { readonly batch: string; readonly removed: Date }>;
  writes: number;
}

/** An empty store. */
export function createShelf(laws: Laws): Shelf {
  return { laws, docs: new Map(), copies: new Map(), trash: new Map(), writes: 0 };
}

/** A digest that people can tell from others. */
export function short(digest: string): string {
  return digest.slice(7, 13);
}

/** The time by the clock of any node of the store. */
export function nodeTime({ time, chance }: World): number {
  return time + Math.floor((chance.next() - 0.5) * APART);
}
