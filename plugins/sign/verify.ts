import { join, sep } from "node:path";
import { type Descriptor, nameOf, splitPinned } from "../../core/mod.ts";
import { candidates } from "./candidates.ts";
import { choose, furthest, type Passed, warningsOf } from "./choose.ts";
import { checkContent } from "./content.ts";
import { exactly } from "./exact.ts";
import { type Case, judge, type Judged, type Warning } from "./judge.ts";
import { BY_DIGEST, type Form, placeOf, type Policy, ruleFor } from "./policy.ts";
import { type Reason, refusal } from "./refusal.ts";
import { historyOf, remember, seenOf } from "./remember.ts";
import { judgeSeen, type Seen, type State } from "./state.ts";
import type { Reading } from "./stored.ts";

/** How references are verified. */
export interface VerifyOptions {
  /** Whom to trust. */
  readonly policy: Policy;
  /** What was seen before; without it nobody notices that an old layout was put back. */
  readonly state?: State | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Judge by the state, but do not write to it. */
  readonly dry?: boolean;
}

/** What is said of a reference. */
export interface Verdict {
  /** The name, as it was asked for; empty for an entry without one. */
  readonly name: string;
  /** The entry that was judged. */
  readonly entry: Descriptor;
  /** Whether it may be relied on. */
  readonly ok: boolean;
  /** The check that failed. */
  readonly reason?: Reason;
  /** The same in a sentence. */
  readonly message?: string;
  /** What vouches for it. */
  readonly form?: Form;
  /** The keys that vouch for it. */
  readonly keys: readonly string[];
  /** The signature that counts. */
  readonly judged?: Judged;
  /** What is odd, but does not refuse. */
  readonly warnings: readonly Warning[];
  /** All signatures that were looked at. */
  readonly candidates: readonly Judged[];
}

/** A state within the layout would be put back together with it. */
async function assertOutside({ path }: State, url: URL): Promise<void> {
  if (path === undefined || url.protocol !== "dir:") return;
  const { realPath } = await import("./state_file.ts");
  const folder = join(realPath(decodeURIComponent(url.pathname)), sep);
  if (!path.startsWith(folder)) return;
  throw refusal("policy_invalid", "Cannot use the state: it lies within the layout it is about");
}

/** Verifies what a name resolved to; refusals are verdicts, failures are thrown. */
export async function verify(
  reading: Reading,
  entry: Descriptor,
  asked: string | undefined,
  options: VerifyOptions,
): Promise<Verdict> {
  const { policy, state } = options;
  if (state) await assertOutside(state, reading.url);
  const name = asked === undefined ? undefined : splitPinned(asked).name;
  const full = name === undefined ? BY_DIGEST : nameOf(entry) ?? name;
  const rule = ruleFor(policy, full);
  const seen = name === undefined
    ? undefined
    : (await state?.load(placeOf(policy, reading)))?.get(full);
  const verdict = await judgeEntry(reading, { entry, name, policy, rule, now: options.now }, seen);
  const sound = verdict.ok && rule.action !== "accept"
    ? await checkContent(reading, verdict)
    : verdict;
  const noted = await remember(reading, sound, full, options, seen);
  if (noted.ok || rule.action !== "warn") return noted;
  const { reason = "unsigned", message = "", ...rest } = noted;
  return { ...rest, ok: true, warnings: [...noted.warnings, { code: reason, message }] };
}

/** Checks 2 to 15. */
async function judgeEntry(
  reading: Reading,
  about: Case,
  seen: Seen | undefined,
): Promise<Verdict> {
  const { entry, name, policy, rule } = about;
  const told: Judged[] = [];
  const fail = (reason: Reason, message: string): Verdict => ({
    name: name ?? "",
    entry,
    ok: false,
    reason,
    message,
    keys: [],
    warnings: [],
    candidates: told,
  });
  if (name !== undefined) {
    const { length } = exactly(reading.index, name);
    if (length > 1) return fail("ambiguous", `${length} entries have this name`);
    if (length === 0) return fail("wrong_ref", "No entry has this very name");
  }
  if (rule.action === "reject") {
    return fail("no_rule", `No rule of the policy accepts ${name ? "this name" : "a digest"}`);
  }
  if (rule.action === "accept") {
    return seen && !await isBound(reading, about)
      ? fail("downgraded", "It was signed when it was seen last")
      : { name: name ?? "", entry, ok: true, keys: [], warnings: [], candidates: [] };
  }
  let best: Passed | undefined;
  let objection: readonly [Reason, string] | undefined;
  for await (const group of candidates(reading, entry, rule.forms)) {
    if (told.length > 0 && group.length === 0) continue;
    told.push(...group.map((one) => judge(one, about)));
    const choice = choose(told, rule.threshold);
    if ("objection" in choice) objection = choice.objection;
    else {
      const reason = seen && judgeSeen(seen, seenOf(choice, about));
      objection = reason ? [reason, historyOf(reason, seen)] : undefined;
      best = reason ? undefined : choice;
    }
    if (best && !policy.strict) break;
  }
  if (!best && told.length === 0) {
    return seen
      ? fail("downgraded", "It was signed when it was seen last")
      : fail("unsigned", "It is not signed");
  }
  if (!best) return fail(...objection ?? furthest(told));
  const inline = told.find(({ source, reason }) => source === "annotation" && reason);
  if (policy.strict && inline?.reason) return fail(inline.reason, inline.message ?? "");
  return {
    name: name ?? "",
    entry,
    ok: true,
    keys: best.keys,
    form: best.judged.form ?? "binding",
    judged: best.judged,
    warnings: warningsOf(best, told),
    candidates: told,
  };
}

async function isBound(reading: Reading, { entry, rule }: Case): Promise<boolean> {
  for await (const group of candidates(reading, entry, rule.forms)) {
    if (group.length > 0) return true;
  }
  return false;
}
