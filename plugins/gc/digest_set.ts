import { type Digest, splitDigest } from "../../core/mod.ts";

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
  let slots = new Uint32Array(2 << 10);
  let size = 0;

  /** The place of a fingerprint, or the free one where it belongs. */
  function find(table: Uint32Array, high: number, low: number): number {
    const mask = table.length / 2 - 1;
    let at = low & mask;
    while (true) {
      const [h, l] = [table[2 * at], table[2 * at + 1]];
      if ((h === 0 && l === 0) || (h === high && l === low)) return 2 * at;
      at = (at + 1) & mask;
    }
  }

  function grow(): void {
    const larger = new Uint32Array(slots.length * 2);
    for (let at = 0; at < slots.length; at += 2) {
      const [high = 0, low = 0] = [slots[at], slots[at + 1]];
      if (high === 0 && low === 0) continue;
      larger.set([high, low], find(larger, high, low));
    }
    slots = larger;
  }

  return {
    get size() {
      return size;
    },
    has(digest) {
      const [high, low] = fingerprint(digest);
      const at = find(slots, high, low);
      return slots[at] === high && slots[at + 1] === low;
    },
    add(digest) {
      const [high, low] = fingerprint(digest);
      const at = find(slots, high, low);
      if (slots[at] === high && slots[at + 1] === low) return false;
      slots[at] = high;
      slots[at + 1] = low;
      if (++size * 2 > slots.length * 0.75) grow();
      return true;
    },
  };
}

/** The first 64 bits of a hash; the low half is never 0, which marks a free slot. */
function fingerprint(digest: Digest): [number, number] {
  const { hex } = splitDigest(digest);
  return [
    Number.parseInt(hex.slice(0, 8), 16) >>> 0,
    (Number.parseInt(hex.slice(8, 16), 16) >>> 0) || 1,
  ];
}
