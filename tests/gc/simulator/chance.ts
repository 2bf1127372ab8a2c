/** Chance that a seed decides: the same in each runtime, for ever. */
export interface Chance {
  /** From 0 up to, but not including, 1. */
  next(): number;
  /** A whole number below `limit`. */
  below(limit: number): number;
  /** True in so many cases of 1. */
  hit(share: number): boolean;
  /** One of these. */
  one<T>(items: readonly T[]): T;
}

/** Chance by xorshift, started far enough on that neighbouring seeds have nothing in common. */
export function chanceOf(seed: number): Chance {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bf03635) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  for (let turn = 0; turn < 16; turn++) next();
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    hit: (share) => next() < share,
    one: (items) => items[below(items.length)] as (typeof items)[number],
  };
}
