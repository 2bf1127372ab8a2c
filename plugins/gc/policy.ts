import { check, OciError, parseJson, readDuration, readSize, type Schema } from "../../core/mod.ts";
import { policySchema } from "./policy_schema.ts";

/** What becomes of a kind of entry: it stays, it goes, or it goes at that age in milliseconds. */
export type Fate = "keep" | "drop" | number;

/** Which names a rule decides, and what keeps them: any one suffices, none lets them go. */
export interface Rule {
  /** Globs of names, with `*` and `?`. */
  readonly refs: readonly string[];
  /** They stay, come what may. */
  readonly keep?: "always";
  /** The newest so many of the names that this rule decides. */
  readonly keepLast?: number;
  /** Milliseconds since the name was set. */
  readonly maxAge?: number;
  /** A range of versions, such as `>=1.2 <2`. */
  readonly keepSemver?: string;
}

/** What may be dropped, and what never. */
export interface Policy {
  /** In order: the first rule that matches a name decides; a name that none matches stays. */
  readonly rules: readonly Rule[];
  /** Entries without a name that are no referrers. */
  readonly untagged: Fate;
  /** Referrers whose subject is not stored. */
  readonly orphanReferrers: Fate;
  /** Bytes above which the longest unset of the names that rules may drop go, too. */
  readonly maxSize?: number;
  /** The share of references or bytes, in percent, above which nothing is done. */
  readonly maxDrop: number;
  /** Milliseconds that unreachable bytes wait after they were stored; undefined: what suits the place. */
  readonly grace?: number;
  /** Milliseconds between the fence and the sweep; undefined: what suits the place. */
  readonly quarantine?: number;
}

/** The policy that drops no name. */
export const keepAll: Policy = {
  rules: [],
  untagged: "keep",
  orphanReferrers: "keep",
  maxDrop: 50,
};

interface PolicyFile {
  readonly rules?: readonly RuleInFile[];
  readonly untagged?: string;
  readonly orphanReferrers?: string;
  readonly grace?: string;
  readonly quarantine?: string;
  readonly maxSize?: string;
  readonly maxDrop?: string;
}

type RuleInFile = Omit<Rule, "maxAge"> & { readonly maxAge?: string };

/**
 * Reads a policy file.
 *
 * @throws {OciError} `invalid`, naming the member.
 */
export function parsePolicy(text: string): Policy {
  const action = "Cannot read the retention policy";
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (cause) {
    throw new OciError("invalid", `${action}: it is not JSON`, { cause });
  }
  const file = check(policySchema as unknown as Schema<PolicyFile>, json, "invalid", action);
  return {
    ...keepAll,
    rules: (file.rules ?? []).map(({ maxAge, ...rule }) => ({
      ...rule,
      ...(maxAge === undefined ? {} : { maxAge: readDuration(maxAge) ?? 0 }),
    })),
    ...(file.untagged === undefined ? {} : { untagged: fateOf(file.untagged) }),
    ...(file.orphanReferrers === undefined
      ? {}
      : { orphanReferrers: fateOf(file.orphanReferrers) }),
    ...(file.grace === undefined ? {} : { grace: readDuration(file.grace) ?? 0 }),
    ...(file.quarantine === undefined ? {} : { quarantine: readDuration(file.quarantine) ?? 0 }),
    ...(file.maxSize === undefined ? {} : { maxSize: readSize(file.maxSize) ?? 0 }),
    ...(file.maxDrop === undefined ? {} : { maxDrop: Number.parseFloat(file.maxDrop) }),
  };
}

/**
 * What becomes of a kind of entry, as it is written.
 *
 * @throws {OciError} `invalid`.
 */
export function fateOf(text: string): Fate {
  if (text === "keep" || text === "drop") return text;
  const age = readDuration(text);
  if (age !== undefined) return age;
  throw new OciError(
    "invalid",
    `Cannot read ${JSON.stringify(text)}: write "keep", "drop" or an age such as "7d"`,
  );
}
