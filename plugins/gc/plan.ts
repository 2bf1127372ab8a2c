import {
  type Descriptor,
  type Digest,
  epochOf,
  type ImageIndex,
  isDigest,
  nameOf,
  OciError,
  type Store,
  TAGGED,
  timeOf,
} from "../../core/mod.ts";
import { only } from "./blob_list.ts";
import { type Candidates, createCandidates } from "./candidates.ts";
import { lookThrough } from "./look_through.ts";
import { type Mark, startMark } from "./mark.ts";
import type { Policy } from "./policy.ts";
import { doom, type Judgement, retain, type Subject, type Verdict } from "./retention.ts";
import { fitSize } from "./size_cap.ts";
import { splitRoots, type Weak } from "./weak.ts";

/** A count and its bytes. */
export interface Sum {
  readonly count: number;
  readonly bytes: number;
}

/** What a collection would do, and why. */
export interface Plan {
  readonly index: ImageIndex;
  readonly epoch: number;
  /** When it was made, by the store's clock. */
  readonly t0: number;
  /** Every entry that rules may decide on. */
  readonly verdicts: readonly Verdict[];
  /** The entries that go. */
  readonly drops: readonly Descriptor[];
  /** The blobs that go. */
  readonly candidates: Candidates;
  readonly live: Sum;
  /** Unreachable, but too young. */
  readonly waiting: Candidates;
  /** Blobs of algorithms that are not ours to judge. */
  readonly foreign: number;
  /** Referrers whose subject is not stored, and what the policy says of them. */
  readonly orphans: ReadonlyMap<Digest, Judgement>;
  /** Nodes that are not stored. */
  readonly missing: readonly Digest[];
  /** What is reachable, to be looked up again at the fence. */
  readonly mark: Mark;
  /** What lives and dies with its subject. */
  readonly ties: readonly Weak[];
}

/** Blobs this young are never judged: the clocks of file systems are coarse. */
const COARSE = 10;

/** What a plan is made by. */
export interface PlanOptions {
  readonly policy: Policy;
  /** Milliseconds that unreachable bytes wait after they were stored. */
  readonly grace: number;
  /** The verdicts on entries, if they stand already; else the policy's. */
  readonly judge?: (subjects: readonly Subject[]) => Verdict[];
}

/** Looks at everything and writes nothing. */
export async function makePlan(store: Store, options: PlanOptions): Promise<Plan> {
  const { policy, grace } = options;
  const t0 = await timeOf(store);
  const index = await store.root.load();
  const { strong, weak } = await splitRoots(store, index);
  const verdicts = await judge(store, strong, options, t0);
  const mark = startMark(store, index);
  await mark.add(verdicts.filter(({ keep }) => keep).map(({ entry }) => entry));
  await markExpected(store, mark);
  const { old, young, foreign, referrers } = await lookThrough(
    store,
    mark,
    t0 - Math.max(grace, COARSE),
  );
  const known = mark.live.size;
  const listed = new Set(weak.map(({ target }) => target.digest));
  const ties = [...weak, ...referrers.filter(({ target }) => !listed.has(target.digest))];
  await follow(mark, ties);
  const orphans = await markOrphans(store, mark, ties, policy, t0);
  await follow(mark, ties);
  const drops = new Set<Descriptor>([
    ...verdicts.filter(({ keep }) => !keep).map(({ entry }) => entry),
    ...weak.filter(({ target }) => !mark.live.has(target.digest)).map(({ target }) => target),
  ]);
  // Of what was found, some may live with its subject.
  const dead = (found: Candidates) =>
    mark.live.size === known
      ? found
      : createCandidates(only(found, ({ blob }) => !mark.live.has(blob.digest)));
  return {
    index,
    epoch: epochOf(index),
    t0,
    verdicts,
    drops: index.manifests.filter((entry) => drops.has(entry)),
    candidates: dead(old),
    live: { count: mark.live.size, bytes: mark.bytes },
    waiting: dead(young),
    foreign,
    orphans,
    missing: mark.missing,
    mark,
    ties,
  };
}

async function judge(
  store: Store,
  entries: readonly Descriptor[],
  { policy, judge }: PlanOptions,
  now: number,
): Promise<Verdict[]> {
  if (judge) return judge(entries.map((entry) => ({ entry, since: undefined })));
  const verdicts = retain(await subjectsOf(store, entries, policy), policy, now);
  return policy.maxSize === undefined ? verdicts : await fitSize(store, verdicts, policy.maxSize);
}

/** The strong entries with their times, which are looked up only where a rule asks for them. */
async function subjectsOf(
  store: Store,
  entries: readonly Descriptor[],
  policy: Policy,
): Promise<Subject[]> {
  const timed = policy.maxSize !== undefined || typeof policy.untagged === "number" ||
    policy.rules.some(({ keepLast, maxAge }) => keepLast !== undefined || maxAge !== undefined);
  if (!timed) return entries.map((entry) => ({ entry, since: undefined }));
  return await Promise.all(entries.map(async (entry) => {
    const tagged = Date.parse(entry.annotations?.[TAGGED] ?? "");
    if (nameOf(entry) !== undefined && !Number.isNaN(tagged)) return { entry, since: tagged };
    const blob = await store.backend.blobs.stat(entry.digest);
    return { entry, since: blob?.modified?.getTime() };
  }));
}

/** What open writes will be: they count on finding it. */
async function markExpected(store: Store, mark: Mark): Promise<void> {
  for await (const { expected } of store.backend.blobs.ingests()) {
    if (expected !== undefined) mark.live.add(expected);
  }
}

/** Marks what lives with its subject, chains included, until nothing more does. */
export async function follow(mark: Mark, ties: readonly Weak[]): Promise<void> {
  while (true) {
    const next = ties.filter(({ target, subject }) =>
      isDigest(subject) && mark.live.has(subject) && !mark.live.has(target.digest)
    );
    if (next.length === 0) return;
    await mark.add(next.map(({ target }) => target));
  }
}

/** Referrers whose subject is not stored: nothing can be concluded, so the policy says. */
async function markOrphans(
  store: Store,
  mark: Mark,
  ties: readonly Weak[],
  policy: Policy,
  now: number,
): Promise<ReadonlyMap<Digest, Judgement>> {
  const orphans = new Map<Digest, Judgement>();
  const kept: Descriptor[] = [];
  for (const { target, subject } of ties) {
    if (mark.live.has(target.digest)) continue;
    if (isDigest(subject) && await store.backend.blobs.stat(subject)) continue;
    const since = typeof policy.orphanReferrers === "number"
      ? (await store.backend.blobs.stat(target.digest))?.modified?.getTime()
      : undefined;
    const judgement = doom(policy.orphanReferrers, since, now, "its subject is not stored");
    orphans.set(target.digest, judgement);
    if (judgement.keep) kept.push(target);
  }
  await mark.add(kept);
  return orphans;
}

/** Throws `refused` if more would go than the policy allows. */
export function brake(plan: Plan, { maxDrop }: Policy): void {
  const [doomed, waiting] = [plan.candidates.bytes, plan.waiting.bytes];
  const shares = [
    ["references", plan.drops.length, plan.index.manifests.length],
    ["bytes", doomed, doomed + plan.live.bytes + waiting],
  ] as const;
  for (const [what, part, whole] of shares) {
    if (part * 100 <= maxDrop * whole) continue;
    throw new OciError(
      "refused",
      `Cannot collect: ${part} of ${whole} ${what} would go, more than ${maxDrop} %`,
    );
  }
}
