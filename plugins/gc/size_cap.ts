import { bytes, type Digest, type Store, walkGraph } from "../../core/mod.ts";
import { newestFirst, type Verdict } from "./retention.ts";

/**
 * Lets the longest unset of the names that a rule may drop go until what lives fits into `most` bytes. Names that no
 * rule matches, or that are kept always, stay.
 */
export async function fitSize(
  store: Store,
  verdicts: readonly Verdict[],
  most: number,
): Promise<Verdict[]> {
  const users = new Map<Digest, { size: number; by: number }>();
  const holds = new Map<Verdict, Digest[]>();
  let total = 0;
  for (const verdict of verdicts.filter(({ keep }) => keep)) {
    const held: Digest[] = [];
    for await (const { target } of walkGraph(store, [verdict.entry], { sparse: true })) {
      held.push(target.digest);
      const user = users.get(target.digest) ?? { size: Math.max(0, target.size), by: 0 };
      if (user.by++ === 0) total += user.size;
      users.set(target.digest, user);
    }
    holds.set(verdict, held);
  }
  const gone = new Set<Verdict>();
  const droppable = verdicts.filter(({ keep, rule, reason }) =>
    keep && /^\d+$/.test(rule) && reason !== "always kept"
  );
  for (const verdict of newestFirst(droppable).reverse()) {
    if (total <= most) break;
    gone.add(verdict);
    for (const digest of holds.get(verdict) ?? []) {
      const user = users.get(digest);
      if (user && --user.by === 0) total -= user.size;
    }
  }
  return verdicts.map((verdict) =>
    gone.has(verdict) ? { ...verdict, keep: false, reason: `over ${bytes(most)} in all` } : verdict
  );
}
