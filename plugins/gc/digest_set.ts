import type { Digest } from "../../core/mod.ts";

/**
 * The digests a mark has come to, as 64 bits of each: some 12 to 24 bytes apiece, a million fit in 24 MiB. Two digests
 * that share their first 64 bits pass for one, which can only keep garbage.
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
export function createDigestSet(): DigestSet {
  let slots = new Uint32Array(2 << 15);
  let size = 0;
  let [high, low] = [0, 0];

  /** The place of a fingerprint, or the free one where it belongs. */
  function find(table: Uint32Array, high: number, low: number): number {
    const mask = table.length / 2 - 1;
    let at = low & mask;
    while (true) {
      const h = table[2 * at];
      const l = table[2 * at + 1];
      if ((h === 0 && l === 0) || (h === high && l === low)) return 2 * at;
      at = (at + 1) & mask;
    }
  }

  /** The place of a digest, whose fingerprint is `high` and `low` from then on. */
  function locate(digest: Digest): number {
    const start = digest.indexOf(":") + 1;
    high = word(digest, start);
    // Never 0, which marks a free slot.
    low = word(digest, start + 8) || 1;
    return find(slots, high, low);
  }

  function grow(): void {
    const larger = new Uint32Array(slots.length * 2);
    for (let at = 0; at < slots.length; at += 2) {
      const high = slots[at] ?? 0;
      const low = slots[at + 1] ?? 0;
      if (high === 0 && low === 0) continue;
      const to = find(larger, high, low);
      larger[to] = high;
      larger[to + 1] = low;
    }
    slots = larger;
  }

  return {
    get size() {
      return size;
    },
    has(digest) {
      const at = locate(digest);
      return slots[at] === high && slots[at + 1] === low;
    },
    add(digest) {
      const at = locate(digest);
      if (slots[at] === high && slots[at + 1] === low) return false;
      slots[at] = high;
      slots[at + 1] = low;
      if (++size * 2 > slots.length * 0.75) grow();
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
