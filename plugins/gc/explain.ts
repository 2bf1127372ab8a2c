import {
  type Descriptor,
  type Digest,
  isOciError,
  nameOf,
  plural,
  type Store,
  usageError,
  walkGraph,
} from "../../core/mod.ts";
import type { Candidate, Candidates } from "./candidates.ts";
import { type GcContext, policyOf, requestOf } from "./flags.ts";
import { optionsOf } from "./library.ts";
import { makePlan, type Plan } from "./plan.ts";
import type { Policy } from "./policy.ts";

interface Explained {
  readonly keep: boolean;
  /** The number of the rule, or a word. */
  readonly rule: string;
  readonly reason: string;
  /** When it goes, as far as time alone decides. */
  readonly until?: number | undefined;
}

/** Entries that are named where something is needed by many. */
const MOST_NAMED = 3;

/** `gc explain`: what becomes of a name or a digest, by which rule, and when. */
export async function runExplain(context: GcContext, text: string): Promise<void> {
  const { place, name, digest } = context.reference(text);
  if (name === undefined && digest === undefined) {
    throw usageError(`Cannot explain ${JSON.stringify(text)}: name a reference in it`);
  }
  const policy = await policyOf(context);
  await using layout = await context.open(place, "read");
  const options = optionsOf(layout.store, requestOf(context, policy));
  const found = await layout.resolve(digest ?? name ?? "").catch((error) => {
    if (isOciError(error, "not_found")) context.hint(`stowage list '${context.print({ place })}'`);
    throw error;
  });
  const plan = await makePlan(layout.store, options);
  const { until, ...why } = await explain(layout.store, plan, found.digest, name, options.grace);
  const goes = until === undefined
    ? why.keep ? undefined : "with the next run"
    : new Date(until).toISOString();
  await context.result({
    schema: "stowage.gc-explain/1",
    place: context.print({ place }),
    data: {
      ...(name === undefined ? {} : { name }),
      digest: found.digest,
      ...why,
      ...(until === undefined ? {} : { goes }),
    },
    lines: [
      [why.keep ? "keep" : "drop", name ?? found.digest, ruleText(why.rule, policy), why.reason]
        .join("  "),
      ...(goes === undefined ? [] : [`goes  ${goes}`]),
    ],
  });
}

/** A rule as one finds it: its number and its names, or a word. */
function ruleText(rule: string, { rules }: Policy): string {
  const { refs } = rules[Number(rule) - 1] ?? {};
  return refs ? `rule ${rule} (${refs.join(" ")})` : `rule ${rule}`;
}

async function explain(
  store: Store,
  plan: Plan,
  digest: Digest,
  name: string | undefined,
  grace: number,
): Promise<Explained> {
  const verdict =
    plan.verdicts.find(({ entry }) =>
      name === undefined ? entry.digest === digest : nameOf(entry) === name
    ) ?? plan.verdicts.find(({ entry }) => entry.digest === digest);
  if (verdict) {
    const { keep, rule, reason, until } = verdict;
    const user = keep ? undefined : await userOf(store, plan, digest);
    return {
      keep,
      rule,
      reason: user ? `${reason}; its bytes are needed by ${user}` : reason,
      until,
    };
  }
  const orphan = plan.orphans.get(digest);
  if (orphan) return { rule: "orphanReferrers", ...orphan };
  const tie = plan.ties.find(({ target }) => target.digest === digest);
  if (tie) {
    const keep = plan.mark.live.has(digest);
    return { keep, rule: "referrer", reason: `lives and dies with ${tie.subject}` };
  }
  const young = find(plan.waiting, digest);
  if (young) {
    const since = young.blob.modified?.getTime();
    const until = since === undefined ? undefined : since + grace;
    return { keep: false, rule: "grace", reason: "nothing reaches it, but it is young", until };
  }
  if (find(plan.candidates, digest)) {
    return { keep: false, rule: "unreachable", reason: "nothing reaches it" };
  }
  const [algorithm = ""] = digest.split(":");
  if (!/^sha(256|512)$/.test(algorithm)) {
    return { keep: true, rule: "unknown algorithm", reason: `${algorithm} is not ours to judge` };
  }
  const user = await userOf(store, plan, digest);
  return { keep: true, rule: "reachable", reason: `needed by ${user ?? "what is kept"}` };
}

function find(candidates: Candidates, digest: Digest): Candidate | undefined {
  for (const candidate of candidates) if (candidate.blob.digest === digest) return candidate;
  return undefined;
}

/** The kept entries that reach a digest, in words; undefined if none does. */
async function userOf(store: Store, plan: Plan, digest: Digest): Promise<string | undefined> {
  if (!plan.mark.live.has(digest)) return undefined;
  const dropped = new Set<Descriptor>(plan.drops);
  const ties = plan.ties.filter(({ target }) => plan.mark.live.has(target.digest));
  const roots = [...plan.verdicts.map(({ entry }) => entry), ...ties.map(({ target }) => target)];
  const names: string[] = [];
  for (const root of roots.filter((entry) => !dropped.has(entry))) {
    for await (const { target } of walkGraph(store, [root], { sparse: true })) {
      if (target.digest !== digest) continue;
      names.push(nameOf(root) ?? root.digest);
      break;
    }
  }
  if (names.length === 0) return undefined;
  const more = names.length - MOST_NAMED;
  const shown = names.slice(0, MOST_NAMED).join(", ");
  return more > 0 ? `${shown} and ${plural(more, "other")}` : shown;
}
