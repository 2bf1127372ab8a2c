/** The candidates that a misspelt word may mean, the nearest first: three at most. */
export function closest(word: string, candidates: Iterable<string>): string[] {
  const limit = Math.min(2, word.length / 3);
  return [...new Set(candidates)]
    .map((candidate) => ({ candidate, far: distance(word, candidate) }))
    .filter(({ far }) => far > 0 && far <= limit)
    .sort((a, b) => a.far - b.far || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** `; did you mean "list"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = closest(word, candidates).map((candidate) => `"${candidate}"`);
  return found.length === 0 ? "" : `; did you mean ${found.join(" or ")}?`;
}

/** Letters to add, drop, change, or swap with a neighbour. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Infinity;
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, at) => at)];
  const cost = (i: number, j: number) => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
        ? cost(i - 2, j - 2) + 1
        : Infinity;
      row.push(
        Math.min(cost(i - 1, j) + 1, cost(i, j - 1) + 1, cost(i - 1, j - 1) + same, swapped),
      );
    }
  }
  return cost(a.length, b.length);
}
