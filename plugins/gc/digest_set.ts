import type { Digest } from "../../core/mod.ts";

/**
 * Digests as the first bits of each: with 64 some 12 to 24 bytes apiece, so a million fit in 16 MiB. Two digests that
 * share these bits pass for one; of 256 nobody can make two.
 */
export interface DigestSet {
  /** How many there are. */
  readonly size: number;
  /** Whether it is in. */
  has(digest: Digest): boolean;
  /** Puts it in; false if it was in before. */
  add(digest: Digest): boolean;
}

/** An empty set. */
export function createDigestSet(bits: 64 | 256 = 64): DigestSet {
  const words = bits / 32;
  const wanted = new Uint32Array(words);
  let slots = new Uint32Array(words << 10);
  let size = 0;

  /** The place of what is wanted, or the free one where it belongs: its second word is 0. */
  function find(table: Uint32Array): number {
    const last = table.length / words - 1;
    for (let at = (wanted[1] ?? 0) & last;; at = (at + 1) & last) {
      const slot = at * words;
      if (table[slot + 1] === 0 || isWanted(table, slot)) return slot;
    }
  }

  function isWanted(table: Uint32Array, slot: number): boolean {
    for (let n = 0; n < words; n++) if (table[slot + n] !== wanted[n]) return false;
    return true;
  }

  function locate(digest: Digest): number {
    const start = digest.indexOf(":") + 1;
    for (let n = 0; n < words; n++) wanted[n] = word(digest, start + 8 * n);
    // Never 0, which marks a free slot.
    wanted[1] ||= 1;
    return find(slots);
  }

  function grow(): void {
    const larger = new Uint32Array(slots.length * 2);
    for (let slot = 0; slot < slots.length; slot += words) {
      if (slots[slot + 1] === 0) continue;
      for (let n = 0; n < words; n++) wanted[n] = slots[slot + n] ?? 0;
      larger.set(wanted, find(larger));
    }
    slots = larger;
  }

  return {
    get size() {
      return size;
    },
    has: (digest) => slots[locate(digest) + 1] !== 0,
    add(digest) {
      const slot = locate(digest);
      if (slots[slot + 1] !== 0) return false;
      slots.set(wanted, slot);
      if (++size * words > slots.length * 0.75) grow();
      return true;
    },
  };
}

const ZERO = 48;
const LETTERS = 87;

/** 32 bits of a hash, from eight hex digits of lower case. */
function word(digest: Digest, at: number): number {
  let value = 0;
  for (let n = 0; n < 8; n++) {
    const code = digest.charCodeAt(at + n);
    value = value << 4 | code - (code < LETTERS ? ZERO : LETTERS);
  }
  return value >>> 0;
}
