import { type Digest, digestOf, readSize, usageError } from "../../../core/mod.ts";

/** How much of all bytes a sample may have. */
export type Budget = (all: number) => number;

/** Reads `5%` or `10GiB`. */
export function readSample(text: string): Budget {
  const percent = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) <= 100) return (all) => all * Number(percent) / 100;
  const size = readSize(text);
  if (size !== undefined) return () => size;
  throw usageError(`Cannot read --sample ${JSON.stringify(text)}: it must be as "5%" or "10GiB"`);
}

/** Blobs chosen at random until they have enough bytes: the same ones for the same seed. */
export function sampled(
  blobs: ReadonlyMap<Digest, number>,
  budget: Budget,
  seed: number,
): Map<Digest, number> {
  let left = budget(blobs.values().reduce((sum, size) => sum + size, 0));
  const order = [...blobs].map((blob) => ({ blob, at: digestOf(`${seed} ${blob[0]}`) }))
    .sort((a, b) => (a.at < b.at ? -1 : 1));
  const chosen = new Map<Digest, number>();
  for (const { blob: [digest, size] } of order) {
    if (left <= 0) break;
    chosen.set(digest, size);
    left -= size;
  }
  return chosen;
}
