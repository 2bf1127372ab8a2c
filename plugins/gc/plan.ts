import {
  type BlobInfo,
  type Descriptor,
  type Digest,
  digestOf,
  epochOf,
  type ImageIndex,
  isDigest,
  isOciError,
  nameOf,
  OciError,
  parseNode,
  readAll,
  splitDigest,
  type Store,
  TAGGED,
  timeOf,
  writableAlgorithm,
} from "../../core/mod.ts";
import { type Mark, startMark } from "./mark.ts";
import type { Policy } from "./policy.ts";
import { doom, type Judgement, retain, type Subject, type Verdict } from "./retention.ts";
import { fitSize } from "./size_cap.ts";
import { splitRoots, type Weak } from "./weak.ts";

/** A blob nothing reaches, old enough to go. */
export interface Candidate {
  readonly blob: BlobInfo;
  /** A manifest or index: these go before what they point at. */
  readonly node: boolean;
}

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
  readonly candidates: readonly Candidate[];
  readonly live: Sum;
  /** Unreachable, but too young. */
  readonly waiting: readonly Candidate[];
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

/** A referrer that nothing lists is looked for in blobs of up to this size, and no smaller than what can hold a digest. */
const SMALL = 64 << 10;
const SMALLEST = '{"fsLayers":[{"blobSum":"sha256:"}]}'.length + 64;
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
  const { unreached, foreign, unlisted } = await lookThrough(store, mark);
  const listed = new Set(weak.map(({ target }) => target.digest));
  const ties = [...weak, ...unlisted.filter(({ target }) => !listed.has(target.digest))];
  await follow(mark, ties);
  const orphans = await markOrphans(store, mark, ties, policy, t0);
  await follow(mark, ties);
  const drops = new Set<Descriptor>([
    ...verdicts.filter(({ keep }) => !keep).map(({ entry }) => entry),
    ...weak.filter(({ target }) => !mark.live.has(target.digest)).map(({ target }) => target),
  ]);
  const unreachable = unreached.filter(({ blob }) => !mark.live.has(blob.digest));
  const before = t0 - Math.max(grace, COARSE);
  const isOld = ({ blob: { modified } }: Candidate) =>
    modified !== undefined && modified.getTime() < before;
  return {
    index,
    epoch: epochOf(index),
    t0,
    verdicts,
    drops: index.manifests.filter((entry) => drops.has(entry)),
    candidates: unreachable.filter(isOld),
    live: { count: mark.live.size, bytes: mark.bytes },
    waiting: unreachable.filter((candidate) => !isOld(candidate)),
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
  return await Promise.all(entries.map(async (entry) => {
    if (!timed) return { entry, since: undefined };
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

/** All blobs that were not reached, nodes and leaves, and the referrers among them. */
async function lookThrough(store: Store, mark: Mark) {
  const unreached: Candidate[] = [];
  const unlisted: Weak[] = [];
  let foreign = 0;
  let batch: BlobInfo[] = [];
  const look = async (blob: BlobInfo) => {
    const node = await smallNode(store, blob);
    if (node?.subject) {
      const { digest, size } = blob;
      const target = { mediaType: node.mediaType, digest, size };
      unlisted.push({ target, listed: false, subject: node.subject.digest });
    }
    unreached.push({ blob, node: node !== undefined });
  };
  for await (const blob of store.backend.blobs.list({ skip: (digest) => mark.live.has(digest) })) {
    if (!/^sha(256|512)$/.test(splitDigest(blob.digest).algorithm)) foreign++;
    else batch.push(blob);
    // Begun together, so that none fails while nobody waits for it.
    if (batch.length >= 64) batch = (await Promise.all(batch.map(look)), []);
  }
  await Promise.all(batch.map(look));
  return { unreached, foreign, unlisted };
}

/** A stored blob that reads as a manifest; one that does not is garbage like any other. */
async function smallNode(store: Store, blob: BlobInfo) {
  if (blob.size > SMALL || blob.size < SMALLEST) return undefined;
  try {
    const { digest, size } = blob;
    const bytes = await readAll(store, { digest, size }, { limit: SMALL, verify: false });
    if (bytes[0] !== 0x7b) return undefined;
    const node = parseNode(bytes);
    return digestOf(bytes, writableAlgorithm(digest)) === digest ? node : undefined;
  } catch (error) {
    if (isOciError(error, "invalid", "corrupt", "not_found")) return undefined;
    throw error;
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

/** How many these are, and their bytes. */
export function sumOf(candidates: readonly Candidate[]): Sum {
  const bytes = candidates.reduce((sum, { blob }) => sum + blob.size, 0);
  return { count: candidates.length, bytes };
}

/** Throws `refused` if more would go than the policy allows. */
export function brake(plan: Plan, { maxDrop }: Policy): void {
  const [doomed, waiting] = [sumOf(plan.candidates).bytes, sumOf(plan.waiting).bytes];
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
