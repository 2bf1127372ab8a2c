import type { Passed } from "./choose.ts";
import type { Case } from "./judge.ts";
import { BY_DIGEST, placeOf } from "./policy.ts";
import type { Reason } from "./refusal.ts";
import { judgeSeen, type Seen } from "./state.ts";
import type { Reading } from "./stored.ts";
import { printTime } from "./time.ts";
import type { Verdict, VerifyOptions } from "./verify.ts";

/** What is remembered of signatures that suffice. */
export function seenOf({ judged }: Passed, { entry, now }: Pick<Case, "entry" | "now">): Seen {
  return {
    sequence: judged.sequence ?? 0,
    statement: judged.statement ?? entry.digest,
    target: entry.digest,
    scope: judged.binding?.scope ?? "",
    form: judged.form ?? "binding",
    at: printTime(now),
  };
}

/** What a memory speaks against, in a sentence. */
export function historyOf(reason: Reason, seen: Seen): string {
  if (reason === "rollback") return `Sequence ${seen.sequence} was seen already`;
  if (reason === "fork") return `Another statement of sequence ${seen.sequence} was seen`;
  if (reason === "wrong_scope") return "It was seen in another scope";
  return "It was bound to its name when it was seen last";
}

/** Check 17: what was accepted is remembered. */
export async function remember(
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
  const seen = seenOf({ judged, keys }, { entry, now });
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
