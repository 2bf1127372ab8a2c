/** How much can be done safely in a bucket. */
export type Tier =
  /** Many writers, and collections beside them. */
  | "full"
  /** Many writers; collections only while nobody writes. */
  | "commit"
  /** One writer, by the user's promise. */
  | "alone"
  /** Nothing can be written. */
  | "read";

/** What a store was found to do. */
export interface Ability {
  readonly tier: Tier;
  /** Whether `If-Match` goes quoted on a write. */
  readonly quoted: boolean;
  /** Milliseconds ahead that the deadline of a delete must be for the store to enforce it. */
  readonly deleteBound?: number;
  /** Whether a single delete honours `If-Match`. */
  readonly exactDelete: boolean;
  /** What a delete of many keys must carry: either will do, one of them, or only single deletes work. */
  readonly batch: "both" | "single";
  /** What was found, for people: why the tier is not better. */
  readonly why?: string;
}

/** The shortest deadline that a presigned request may have. */
export const BOUND = 60_000;

const TIERS: readonly Tier[] = ["full", "commit", "alone", "read"];
/** Raised whenever the probe asks more. */
export const PROBE_NUMBER = 2;
const DAY = 86_400_000;
/** Days after which the store is asked again. */
const KEPT = 30;

/** What a stamp says. */
export interface Stamp {
  readonly ability: Ability;
  /** Whether `oci-layout` was there. */
  readonly marked: boolean;
}

/** An ability as a number of 32 bits, dated. */
export function packStamp({ ability, marked }: Stamp, now: number): number {
  const { tier, quoted, deleteBound, exactDelete, batch } = ability;
  const bits = [quoted, deleteBound !== undefined, exactDelete, batch === "single", marked];
  const flags = bits.reduce((sum, bit, at) => sum | (bit ? 1 << at : 0), 0);
  const day = Math.floor(now / DAY) & 0xffff;
  return ((PROBE_NUMBER & 0xf) << 28 | TIERS.indexOf(tier) << 24 | flags << 16 | day) >>> 0;
}

/** What a number says; undefined if it is too old, or of another probe. */
export function unpackStamp(packed: number, now: number): Stamp | undefined {
  const tier = TIERS[packed >>> 24 & 0xf];
  const age = (Math.floor(now / DAY) & 0xffff) - (packed & 0xffff);
  if (packed >>> 28 !== PROBE_NUMBER || !tier || age < -1 || age > KEPT) return undefined;
  const bit = (at: number) => (packed >>> 16 & 1 << at) !== 0;
  return {
    ability: {
      tier,
      quoted: bit(0),
      ...(bit(1) ? { deleteBound: BOUND } : {}),
      exactDelete: bit(2),
      batch: bit(3) ? "single" : "both",
    },
    marked: bit(4),
  };
}
