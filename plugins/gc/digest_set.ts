import type { Digest } from "../../core/mod.ts";

/**
 * Digests as the first bits of each: of 64 some 11 bytes apiece, so a million take 11 MB. Two digests that share these
 * bits pass for one; of 256 nobody can make two.
 */
export interface DigestSet {
  /** How many there are. */
  readonly size: number;
  /** Whether it is in. */
  has(digest: Digest): boolean;
  /** The same of 64 hex digits that begin at an offset. */
  hasHex(bytes: Uint8Array, at: number): boolean;
  /** Puts it in; false if it was in before. */
  add(digest: Digest): boolean;
}

/** Words of 32 bits, so many a slot; a slot whose second word is 0 is free. */
type Slots = Uint32Array<ArrayBuffer>;

/** Tables that a set is cut into, by the first bits: they grow one by one, so that little is there twice. */
const TABLES = 64;
const FULL = 0.88;
/** A table doubles while it is small: so each digest is moved about once. A large one grows bit by bit. */
const SMALL = 4096;
const GROWTH = 1.15;

/** An empty set. */
export function createDigestSet(bits: 64 | 256 = 64): DigestSet {
  const words = bits / 32;
  const wanted = new Uint32Array(words);
  const tables: Slots[] = Array.from({ length: TABLES }, () => new Uint32Array(16 * words));
  const counts = new Uint32Array(TABLES);
  let size = 0;

  /** The place of what is wanted, or the free one where it belongs. */
  function find(slots: Slots): number {
    const capacity = slots.length / words;
    let at = Math.floor((wanted[1] ?? 0) / 2 ** 32 * capacity) * words;
    while (slots[at + 1] !== 0 && !isWanted(slots, at)) {
      at += words;
      if (at === slots.length) at = 0;
    }
    return at;
  }

  function isWanted(slots: Slots, at: number): boolean {
    for (let n = 0; n < words; n++) if (slots[at + n] !== wanted[n]) return false;
    return true;
  }

  function want(digest: Digest): number {
    const start = digest.indexOf(":") + 1;
    for (let n = 0; n < words; n++) {
      let value = 0;
      for (let at = start + 8 * n, end = at + 8; at < end; at++) {
        value = value << 4 | valueOf(digest.charCodeAt(at));
      }
      wanted[n] = value;
    }
    return table();
  }

  function wantHex(bytes: Uint8Array, start: number): number {
    for (let n = 0; n < words; n++) {
      let value = 0;
      for (let at = start + 8 * n, end = at + 8; at < end; at++) {
        value = value << 4 | valueOf(bytes[at] ?? 0);
      }
      wanted[n] = value;
    }
    return table();
  }

  /** The number of the table that what is wanted belongs to. */
  function table(): number {
    // Never 0, which marks a free slot.
    wanted[1] ||= 1;
    return (wanted[0] ?? 0) % TABLES;
  }

  function put(slots: Slots, at: number): void {
    for (let n = 0; n < words; n++) slots[at + n] = wanted[n] ?? 0;
  }

  function isIn(table: number): boolean {
    const slots = tables[table];
    return slots !== undefined && slots[find(slots) + 1] !== 0;
  }

  function grown(slots: Slots): Slots {
    const capacity = slots.length / words;
    const growth = capacity < SMALL ? 2 : GROWTH;
    const larger = new Uint32Array(Math.ceil(capacity * growth) * words);
    for (let at = 0; at < slots.length; at += words) {
      if (slots[at + 1] === 0) continue;
      for (let n = 0; n < words; n++) wanted[n] = slots[at + n] ?? 0;
      put(larger, find(larger));
    }
    return larger;
  }

  return {
    get size() {
      return size;
    },
    has: (digest) => isIn(want(digest)),
    hasHex: (bytes, at) => isIn(wantHex(bytes, at)),
    add(digest) {
      const table = want(digest);
      const slots = tables[table];
      if (!slots) return false;
      const at = find(slots);
      if (slots[at + 1] !== 0) return false;
      put(slots, at);
      size++;
      const count = counts[table] = (counts[table] ?? 0) + 1;
      if (count * words > slots.length * FULL) tables[table] = grown(slots);
      return true;
    },
  };
}

const ZERO = 48;
const LETTERS = 87;

/** What a hex digit of lower case stands for. */
function valueOf(code: number): number {
  return code - (code < LETTERS ? ZERO : LETTERS);
}
