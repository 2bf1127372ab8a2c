import { complaint, isOciError, z } from "../../core/mod.ts";
import { utf8 } from "./bytes.ts";
import { readStrict } from "./json.ts";
import { type PublicKey, readPublicKey } from "./key.ts";
import { refusal } from "./refusal.ts";
import { isScope } from "./statement.ts";
import { readIsoDuration, readTime } from "./time.ts";

/** What is done with a reference: `warn` checks and never refuses, `accept` does not check. */
export type Action = "verify" | "warn" | "accept" | "reject";

/** What may vouch for a reference; the forms of cosign vouch for content alone. */
export type Form = "binding" | "cosign-bundle" | "cosign-legacy";

/** A key that is trusted, and how far. */
export interface TrustedKey {
  /** The key. */
  readonly key: PublicKey;
  /** Milliseconds since 1970. */
  readonly notBefore?: number;
  /** Milliseconds since 1970. */
  readonly notAfter?: number;
  /** The last sequence it could sign, by reference; `*` for the others. */
  readonly lastSequence?: Readonly<Record<string, number>>;
}

/** What holds for references of some names. */
export interface Rule {
  /** The names it is for: `*` any run, `?` one character. */
  readonly refs: readonly string[];
  /** What is done with them. */
  readonly action: Action;
  /** The keys that count. */
  readonly keys: readonly TrustedKey[];
  /** How many of them must have signed the same. */
  readonly threshold: number;
  /** Whether a signature must end some day. */
  readonly requireExpiry: boolean;
  /** Milliseconds. */
  readonly maxAge?: number;
  /** What may vouch. */
  readonly forms: readonly Form[];
}

/** Whom to trust with which references. */
export interface Policy {
  /** The scope that must be signed; any if it is left out. */
  readonly scope?: string;
  /** What is done with references that no rule names. */
  readonly default: "reject" | "warn" | "accept";
  /** Warnings refuse too. */
  readonly strict: boolean;
  /** Milliseconds by which clocks may differ. */
  readonly skew: number;
  /** All keys that it knows. */
  readonly keys: readonly TrustedKey[];
  /** The first that names a reference holds. */
  readonly rules: readonly Rule[];
}

/** The pattern of an entry without a name, or read by its digest. */
export const BY_DIGEST = "@digest";
const MOST_POLICY = 1 << 20;
const SKEW = 300_000;

const invalid = (why: string, cause?: unknown) =>
  refusal("policy_invalid", `Cannot use the policy: ${why}`, cause);

const time = z.string().check(z.refine((text) => readTime(text) !== undefined, "not a time"));
const span = z.string().check(
  z.refine((text) => readIsoDuration(text) !== undefined, "not a duration such as P90D"),
);
const whole = z.number().check(z.refine((n) => Number.isSafeInteger(n) && n >= 0, "not a count"));
const shape = z.strictObject({
  version: z.literal(1),
  scope: z.optional(z.string().check(z.refine(isScope, "not a scope"))),
  default: z.enum(["reject", "warn", "accept"]),
  strict: z.optional(z.boolean()),
  skew: z.optional(span),
  keys: z.record(
    z.string(),
    z.strictObject({
      scheme: z.enum(["ecdsa-p256-sha256", "ed25519"]),
      pem: z.string(),
      notBefore: z.optional(time),
      notAfter: z.optional(time),
      lastSequence: z.optional(z.record(z.string(), whole)),
    }),
  ),
  rules: z.array(z.strictObject({
    refs: z.array(z.string()).check(z.minLength(1)),
    action: z.optional(z.enum(["verify", "warn", "accept", "reject"])),
    keys: z.optional(z.array(z.string())),
    threshold: z.optional(whole),
    requireExpiry: z.optional(z.boolean()),
    maxAge: z.optional(span),
    forms: z.optional(z.array(z.enum(["binding", "cosign-bundle", "cosign-legacy"]))),
  })),
});

/** Reads a policy; throws `invalid` with the reason `policy_invalid`. */
export function parsePolicy(text: string): Policy {
  if (text.length > MOST_POLICY) throw invalid(`it is longer than ${MOST_POLICY} bytes`);
  const json = readStrict(utf8(text), invalid);
  const why = complaint(shape, json);
  if (why !== undefined) throw invalid(why);
  const { scope, strict = false, skew, rules, ...said } = json as z.infer<typeof shape>;
  const keys = new Map(Object.entries(said.keys).map(([id, key]) => [id, keyOf(id, key)]));
  return {
    ...(scope === undefined ? {} : { scope }),
    default: said.default,
    strict,
    skew: readIsoDuration(skew) ?? SKEW,
    keys: [...keys.values()],
    rules: rules.map((rule, at) => ruleOf(rule, keys, at + 1)),
  };
}

type Said = z.infer<typeof shape>;

function keyOf(id: string, said: Said["keys"][string]): TrustedKey {
  const { scheme, pem, notBefore, notAfter, lastSequence } = said;
  let key: PublicKey;
  try {
    key = readPublicKey(pem);
  } catch (error) {
    if (!isOciError(error)) throw error;
    throw invalid(`key "${id.slice(0, 80)}": ${error.message}`, error);
  }
  if (key.id !== id) throw invalid(`key "${id.slice(0, 80)}" is called "${key.id}" by its PEM`);
  if (key.scheme !== scheme) throw invalid(`key "${id}" is of ${key.scheme}, not ${scheme}`);
  const [from, to] = [readTime(notBefore), readTime(notAfter)];
  return {
    key,
    ...(from === undefined ? {} : { notBefore: from }),
    ...(to === undefined ? {} : { notAfter: to }),
    ...(lastSequence === undefined ? {} : { lastSequence }),
  };
}

function ruleOf(
  said: Said["rules"][number],
  known: ReadonlyMap<string, TrustedKey>,
  nth: number,
): Rule {
  const { refs, action = "verify", threshold = 1, requireExpiry = false, maxAge, forms } = said;
  const ids = new Set(said.keys ?? []);
  const keys = [...ids].map((id) => {
    const key = known.get(id);
    if (key) return key;
    throw invalid(`rule ${nth} names a key that is not there: "${id.slice(0, 80)}"`);
  });
  const checks = action === "verify" || action === "warn";
  if (checks && keys.length === 0) throw invalid(`rule ${nth} names no key`);
  if (checks && (threshold < 1 || threshold > keys.length)) {
    throw invalid(`rule ${nth} asks for ${threshold} signatures of ${keys.length} keys`);
  }
  const age = readIsoDuration(maxAge);
  return {
    refs,
    action,
    keys,
    threshold,
    requireExpiry,
    ...(age === undefined ? {} : { maxAge: age }),
    forms: forms ?? ["binding"],
  };
}

/** The policy that trusts these keys with every reference. */
export function policyOfKeys(
  keys: readonly PublicKey[],
  options: { readonly threshold?: number; readonly scope?: string } = {},
): Policy {
  const { threshold = 1, scope } = options;
  const trusted = [...new Map(keys.map((key) => [key.id, { key }])).values()];
  if (threshold < 1 || threshold > trusted.length) {
    throw invalid(`it asks for ${threshold} signatures of ${trusted.length} keys`);
  }
  const rule: Rule = {
    refs: ["*"],
    action: "verify",
    keys: trusted,
    threshold,
    requireExpiry: false,
    forms: ["binding"],
  };
  return {
    ...(scope === undefined ? {} : { scope }),
    default: "reject",
    strict: false,
    skew: SKEW,
    keys: trusted,
    rules: [rule],
  };
}

/** The place that a policy's state is kept under. */
export function placeOf({ scope }: Policy, { url }: { readonly url: URL }): string {
  return scope ?? url.href;
}

/** The first rule for a name, else what holds for all others. */
export function ruleFor(policy: Policy, name: string): Rule {
  const rule = policy.rules.find(({ refs }) => refs.some((glob) => fits(glob, name)));
  if (rule) return rule;
  return {
    refs: ["*"],
    action: policy.default,
    keys: policy.keys,
    threshold: 1,
    requireExpiry: false,
    forms: ["binding"],
  };
}

/** `*` stands for any run, `?` for one character, all else for itself; in time linear in their product. */
function fits(glob: string, name: string): boolean {
  const [pattern, text] = [[...glob], [...name]];
  let [p, t, star, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    if (pattern[p] === "*") [star, mark, p] = [p, t, p + 1];
    else if (pattern[p] === "?" || (p < pattern.length && pattern[p] === text[t])) {
      [p, t] = [p + 1, t + 1];
    } else if (star >= 0) [p, mark, t] = [star + 1, mark + 1, mark + 1];
    else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}
