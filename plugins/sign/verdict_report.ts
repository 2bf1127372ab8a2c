import { columns } from "../../core/mod.ts";
import { EXITS } from "./refusal.ts";
import type { Judged } from "./judge.ts";
import type { Verdict } from "./verify.ts";

/** A verdict as JSON. */
export function toJson({ name, entry, ok, reason, message, ...rest }: Verdict) {
  const { form, keys, judged, warnings, candidates } = rest;
  const binding = judged?.binding;
  return {
    ref: name,
    scope: binding?.scope,
    digest: entry.digest,
    ok,
    reason,
    message,
    exit: ok || reason === undefined ? 0 : EXITS[reason],
    form,
    keys,
    sequence: judged?.sequence,
    issued: binding?.issued,
    expires: binding?.expires,
    statement: judged?.statement,
    warnings,
    candidates: candidates.map(candidateOf),
  };
}

function candidateOf({ source, keyId, step, reason, message }: Judged) {
  return { source, keyId, step, reason, message };
}

/** Verdicts for people, a line each. */
export function toLines(verdicts: readonly Verdict[]): string[] {
  return columns(verdicts.map(({ ok, name, entry: { digest }, reason = "" }) => [
    ok ? "ok" : "FAIL",
    name === "" ? "-" : name,
    digest,
    ok ? "" : reason,
  ]));
}
