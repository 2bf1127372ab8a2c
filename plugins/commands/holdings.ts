import { type Digest, nameOf } from "../../core/mod.ts";
import type { Weights } from "./weigh.ts";

/** What a name holds, in bytes. */
export interface Held {
  /** The name, or the digest of what has none. */
  readonly name: string;
  /** All it reaches. */
  readonly total: number;
  /** What nothing else reaches. */
  readonly unique: number;
  /** What others reach too. */
  readonly shared: number;
}

const NOBODY = -1;
const MANY = -2;

/** What each name holds; with `only`, those of that digest, be it listed or not. */
export function heldBy(weights: Weights, only?: Digest): Held[] {
  const { roots, sizes, links, strays } = weights;
  const owners = new Int32Array(sizes.length).fill(NOBODY);
  const seen = new Int32Array(sizes.length).fill(NOBODY);
  /** Counts what a number reaches; `owner` has it then, or many do. */
  const count = (from: number, turn: number, owner: number) => {
    let total = 0;
    const stack = [from];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (seen[node] === turn) continue;
      seen[node] = turn;
      owners[node] = owners[node] === NOBODY ? owner : MANY;
      total += sizes[node] ?? 0;
      for (const next of links[node] ?? []) if (seen[next] !== turn) stack.push(next);
    }
    return total;
  };
  const names = new Map<number, Set<string>>();
  for (const { entry, node } of roots) {
    const own = names.get(node) ?? new Set();
    names.set(node, own.add(nameOf(entry) ?? entry.digest));
  }
  let turn = 0;
  for (const node of strays) count(node, turn++, MANY);
  const totals = new Map<number, number>();
  for (const [node, own] of names) {
    totals.set(node, count(node, turn++, own.size > 1 ? MANY : node));
  }
  const uniques = new Map<number, number>();
  owners.forEach((owner, node) => {
    if (owner >= 0) uniques.set(owner, (uniques.get(owner) ?? 0) + (sizes[node] ?? 0));
  });
  const wanted = only === undefined ? undefined : weights.numberOf(only);
  const held = (node: number, total: number) =>
    [...names.get(node) ?? [only ?? ""]].map((name) => {
      const unique = uniques.get(node) ?? 0;
      return { name, total, unique, shared: total - unique };
    });
  if (only === undefined) return [...totals].flatMap(([node, total]) => held(node, total));
  return wanted === undefined ? [] : held(wanted, totals.get(wanted) ?? count(wanted, turn, MANY));
}
