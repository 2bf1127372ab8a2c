import { OciError } from "../../core/basics.ts";

/** Why a reference is not accepted, each with the exit code of the program. */
export const EXITS: Readonly<Record<Reason, number>> = {
  unsigned: 40,
  downgraded: 41,
  untrusted_key: 42,
  bad_signature: 43,
  malformed: 44,
  wrong_predicate: 45,
  wrong_ref: 46,
  wrong_target: 47,
  wrong_scope: 48,
  altered_descriptor: 49,
  threshold: 50,
  expired: 51,
  not_yet_valid: 52,
  key_not_valid: 53,
  rollback: 54,
  fork: 55,
  ambiguous: 56,
  corrupt_content: 57,
  policy_invalid: 58,
  no_rule: 59,
  missing_expiry: 60,
  removed: 61,
};

/** The check that failed. */
export type Reason =
  | "unsigned"
  | "downgraded"
  | "untrusted_key"
  | "bad_signature"
  | "malformed"
  | "wrong_predicate"
  | "wrong_ref"
  | "wrong_target"
  | "wrong_scope"
  | "altered_descriptor"
  | "threshold"
  | "expired"
  | "not_yet_valid"
  | "key_not_valid"
  | "rollback"
  | "fork"
  | "ambiguous"
  | "corrupt_content"
  | "policy_invalid"
  | "no_rule"
  | "missing_expiry"
  | "removed";

/** An error with the check that failed as its reason. */
export function refusal(reason: Reason, message: string, cause?: unknown): OciError {
  return new OciError(reason === "policy_invalid" ? "invalid" : "refused", message, {
    reason,
    cause,
  });
}

/** What is wrong with the bytes of a signature. */
export function malformed(why: string): OciError {
  return refusal("malformed", `Cannot read the signature: ${why}`);
}
