import type { Judged, Warning } from "./judge.ts";
import type { Reason } from "./refusal.ts";

/** Signatures of one statement by enough keys. */
export interface Passed {
  readonly judged: Judged;
  readonly keys: readonly string[];
}

/** The newest statement that enough keys have signed; else what speaks against all of them. */
export function choose(
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
export function furthest(told: readonly Judged[]): [Reason, string] {
  const [first] = [...told].sort((a, b) => b.step - a.step);
  return [first?.reason ?? "unsigned", first?.message ?? "It is not signed"];
}

/** What is odd about signatures that suffice, and what the others failed for. */
export function warningsOf({ judged }: Passed, told: readonly Judged[]): Warning[] {
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
