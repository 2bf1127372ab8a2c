import {
  type Descriptor,
  isOciError,
  kindOf,
  messageOf,
  nameOf,
  parseNode,
  splitPinned,
} from "../../core/mod.ts";
import { candidates } from "./candidates.ts";
import { exactly } from "./exact.ts";
import { type Case, judge, type Judged, type Warning } from "./judge.ts";
import { BY_DIGEST, type Form, type Policy, ruleFor } from "./policy.ts";
import { type Reason, refusal } from "./refusal.ts";
import { judgeSeen, type Seen, type State } from "./state.ts";
import type { Reading } from "./stored.ts";
import { printTime } from "./time.ts";

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

/** The place that a policy's state is kept under. */
export function placeOf({ scope }: Policy, { url }: Pick<Reading, "url">): string {
  return scope ?? url.href;
}

/** A state within the layout would be put back together with it. */
function assertOutside(state: State | undefined, { pathname }: URL): void {
  const folder = `${decodeURIComponent(pathname).replace(/\/+$/, "")}/`;
  if (folder === "/" || !state?.path?.startsWith(folder)) return;
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
  assertOutside(state, reading.url);
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

/** Signatures of one statement by enough keys. */
interface Passed {
  readonly judged: Judged;
  readonly keys: readonly string[];
}

/** The newest statement that enough keys have signed; else what speaks against all of them. */
function choose(
  told: readonly Judged[],
  threshold: number,
): Passed | { readonly objection: readonly [Reason, string] | undefined } {
  const sound = told.filter(({ reason }) => reason === undefined);
  const groups = [...Map.groupBy(sound, ({ statement }) => statement).values()]
    .map((group) => ({ judged: group[0], keys: keysOf(group) }));
  const enough = groups.filter(({ keys }) => keys.length >= threshold);
  const rank = ({ judged }: (typeof enough)[number]) =>
    judged?.form === "binding" ? judged.sequence ?? 0 : -1;
  const highest = Math.max(...enough.map(rank));
  const [first, second] = enough.filter((group) => rank(group) === highest);
  if (first?.judged && second?.judged && highest >= 0) {
    return { objection: ["fork", `Two statements have the sequence ${highest}`] };
  }
  if (first?.judged) return { judged: first.judged, keys: first.keys };
  if (sound.length === 0) return { objection: undefined };
  const most = Math.max(...groups.map(({ keys }) => keys.length));
  const failed = told.flatMap(({ reason, keyId, message = "" }) =>
    reason === undefined ? [] : [`${keyId ?? message} is ${reason}`]
  );
  const others = failed.length === 0 ? "" : `; ${failed.slice(0, 4).join("; ")}`;
  return {
    objection: ["threshold", `${most} of ${threshold} keys have signed the same${others}`],
  };
}

function keysOf(group: readonly Judged[]): string[] {
  return [...new Set(group.flatMap(({ keyId }) => keyId ?? []))];
}

/** The failure of the signature that came furthest. */
function furthest(told: readonly Judged[]): [Reason, string] {
  const [first] = [...told].sort((a, b) => b.step - a.step);
  return [first?.reason ?? "unsigned", first?.message ?? "It is not signed"];
}

async function isBound(reading: Reading, { entry, rule }: Case): Promise<boolean> {
  for await (const group of candidates(reading, entry, rule.forms)) {
    if (group.length > 0) return true;
  }
  return false;
}

function warningsOf({ judged }: Passed, told: readonly Judged[]): Warning[] {
  const failed = told.flatMap(({ reason, message = "", source }) =>
    reason === undefined ? [] : [{ code: reason, message: `A signature (${source}): ${message}` }]
  );
  const stripped = judged.form === "binding" && !["annotation", "pointer"].includes(judged.source);
  return [
    ...judged.warnings,
    ...stripped
      ? [{ code: "annotation_missing", message: "The entry lost its signature: repair it" }]
      : [],
    ...failed,
  ];
}

/** Check 16: what the entry stands for is stored as it says. */
async function checkContent(reading: Reading, verdict: Verdict): Promise<Verdict> {
  const { entry } = verdict;
  if (kindOf(entry.mediaType) === undefined) return verdict;
  const fail = (reason: Reason, message: string) => ({ ...verdict, ok: false, reason, message });
  try {
    const bytes = await reading.fetchAll(entry.digest);
    if (bytes.length !== entry.size) return fail("corrupt_content", "Its size is not as signed");
    const { json } = parseNode(bytes, entry.mediaType);
    const said = json["mediaType"];
    if (said === undefined || said === entry.mediaType) return verdict;
    return fail("altered_descriptor", "The manifest says it has another media type");
  } catch (error) {
    if (!isOciError(error, "corrupt", "not_found", "invalid", "size_exceeded")) throw error;
    return fail("corrupt_content", messageOf(error));
  }
}

function seenOf({ judged }: Passed, { entry, now }: Case): Seen {
  return {
    sequence: judged.sequence ?? 0,
    statement: judged.statement ?? entry.digest,
    target: entry.digest,
    scope: judged.binding?.scope ?? "",
    form: judged.form ?? "binding",
    at: printTime(now),
  };
}

function historyOf(reason: Reason, seen: Seen): string {
  if (reason === "rollback") return `Sequence ${seen.sequence} was seen already`;
  if (reason === "fork") return `Another statement of sequence ${seen.sequence} was seen`;
  if (reason === "wrong_scope") return "It was seen in another scope";
  return "It was bound to its name when it was seen last";
}

/** Check 17: what was accepted is remembered. */
async function remember(
  reading: Reading,
  verdict: Verdict,
  full: string,
  { policy, state, now, dry = false }: VerifyOptions,
  former: Seen | undefined,
): Promise<Verdict> {
  const { judged, keys, entry } = verdict;
  if (!verdict.ok || !judged || full === BY_DIGEST) return verdict;
  if (!state) {
    const message = "Nothing is remembered: rollback is not checked";
    return { ...verdict, warnings: [...verdict.warnings, { code: "no_state", message }] };
  }
  if (dry) return verdict;
  const about = { entry, now } as Case;
  const seen = seenOf({ judged, keys }, about);
  if (former?.statement !== seen.statement) {
    const place = placeOf(policy, reading);
    const reason = (await state.note(place, new Map([[full, seen]]), judgeSeen)).get(full);
    if (reason) {
      return { ...verdict, ok: false, reason, message: "Another verifier has seen more" };
    }
  }
  if (former) return verdict;
  const first = { code: "state_created", message: "Seen for the first time" };
  return { ...verdict, warnings: [...verdict.warnings, first] };
}
