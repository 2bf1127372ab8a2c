import { chosenBy, type Descriptor, nameOf } from "../../core/mod.ts";
import type { Fate, Policy, Rule } from "./policy.ts";
import { inRange } from "./semver.ts";

/** An entry that rules may decide on: no digest tag, no referrer. */
export interface Subject {
  readonly entry: Descriptor;
  /** When its name was set, else when its bytes were stored, in milliseconds; none counts as new. */
  readonly since: number | undefined;
}

/** What becomes of an entry, and why. */
export interface Verdict extends Subject {
  readonly keep: boolean;
  /** The rule that decided: its number from 1, or a word. */
  readonly rule: string;
  /** A few words for people. */
  readonly reason: string;
  /** When a kept one will go, as far as time alone decides. */
  readonly until?: number;
}

const DAY = 86_400_000;

/** Decides on every entry: the first rule that matches a name, else it stays. Pure. */
export function retain(subjects: readonly Subject[], policy: Policy, now: number): Verdict[] {
  const matchers = policy.rules.map(({ refs }) => chosenBy(refs));
  const ruleOf = subjects.map(({ entry }) => {
    const name = nameOf(entry);
    return name === undefined ? undefined : matchers.findIndex((matches) => matches(name));
  });
  const ranks = new Map<Subject, number>();
  for (const [number, rule] of policy.rules.entries()) {
    if (rule.keepLast === undefined) continue;
    newestFirst(subjects.filter((_, at) => ruleOf[at] === number))
      .forEach((subject, rank) => ranks.set(subject, rank));
  }
  return subjects.map((subject, at) => {
    const number = ruleOf[at];
    if (number === undefined) return untagged(subject, policy.untagged, now);
    const rule = policy.rules[number];
    if (!rule) return { ...subject, keep: true, rule: "none", reason: "no rule names it" };
    return {
      ...subject,
      rule: `${number + 1}`,
      ...judge(subject, rule, ranks.get(subject) ?? 0, now),
    };
  });
}

/** By time, newest first; what has no time is new; of equal ones the later entry is newer. */
export function newestFirst<T extends { readonly since: number | undefined }>(
  subjects: readonly T[],
): T[] {
  const time = ({ since }: T) => since ?? Infinity;
  return subjects.map((subject, at) => ({ subject, at }))
    .sort((a, b) => {
      const [one, other] = [time(a.subject), time(b.subject)];
      return one === other ? b.at - a.at : other > one ? 1 : -1;
    })
    .map(({ subject }) => subject);
}

/** Whether something stays, why, and until when. */
export type Judgement = Pick<Verdict, "keep" | "reason" | "until">;

function judge({ entry, since }: Subject, rule: Rule, rank: number, now: number): Judgement {
  const name = nameOf(entry) ?? "";
  if (rule.keep === "always") return { keep: true, reason: "always kept" };
  const reasons: string[] = [];
  if (rule.keepSemver !== undefined) {
    if (inRange(name.slice(name.lastIndexOf(":") + 1), rule.keepSemver)) {
      return { keep: true, reason: `version in ${rule.keepSemver}` };
    }
    reasons.push(`version not in ${rule.keepSemver}`);
  }
  if (rule.keepLast !== undefined) {
    if (rank < rule.keepLast) return { keep: true, reason: `among the newest ${rule.keepLast}` };
    reasons.push(`${rank} newer`);
  }
  if (rule.maxAge !== undefined) {
    if (since === undefined) return { keep: true, reason: "of unknown age" };
    if (now - since < rule.maxAge) {
      return {
        keep: true,
        reason: `younger than ${span(rule.maxAge)}`,
        until: since + rule.maxAge,
      };
    }
    reasons.unshift(`older than ${span(rule.maxAge)}`);
  }
  return { keep: false, reason: reasons.join(", ") || "the rule keeps none" };
}

function untagged(subject: Subject, fate: Fate, now: number): Verdict {
  return { ...subject, rule: "untagged", ...doom(fate, subject.since, now, "without a name") };
}

/** What a fate says of something of that age. */
export function doom(fate: Fate, since: number | undefined, now: number, what: string): Judgement {
  if (typeof fate === "string") return { keep: fate === "keep", reason: what };
  if (since === undefined) return { keep: true, reason: `${what}, of unknown age` };
  return now - since < fate
    ? { keep: true, reason: `${what}, younger than ${span(fate)}`, until: since + fate }
    : { keep: false, reason: `${what}, older than ${span(fate)}` };
}

function span(ms: number): string {
  if (ms >= DAY && ms % DAY === 0) return `${ms / DAY}d`;
  const hours = ms / 3_600_000;
  return hours >= 1 && Number.isInteger(hours) ? `${hours}h` : `${ms / 1000}s`;
}
