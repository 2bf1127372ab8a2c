import { type Descriptor, sameJson, TAGGED } from "../../core/mod.ts";
import { isBindingKey } from "./bundles.ts";
import type { Warning } from "./judge.ts";
import { refusal } from "./refusal.ts";
import { COVERED_MEMBERS, type Target, UNSIGNED } from "./statement.ts";

/**
 * Compares an entry with what was signed of it; throws `wrong_target`, `altered_descriptor`. What is missing, or was
 * said besides, is a warning, and refused if `strict`.
 */
export function checkTarget(entry: Descriptor, target: Target, strict: boolean): Warning[] {
  if (entry.digest !== target.digest) {
    throw refusal("wrong_target", `It is about ${target.digest}, not ${entry.digest}`);
  }
  const altered = (what: string) =>
    refusal("altered_descriptor", `${what} of the entry is not as it was signed`);
  if (entry.mediaType !== target.mediaType) throw altered("The media type");
  if (entry.size !== target.size) throw altered("The size");
  const missing: string[] = [];
  const added: string[] = [];
  for (const name of COVERED_MEMBERS) {
    if (entry[name] === undefined) {
      if (target[name] !== undefined) missing.push(name);
    } else if (!sameJson(entry[name], target[name])) throw altered(`The "${name}"`);
  }
  const [there, signed] = [entry.annotations ?? {}, target.annotations ?? {}];
  for (const [name, value] of Object.entries(signed)) {
    if (!Object.hasOwn(there, name)) missing.push(name);
    else if (there[name] !== value) throw altered(`The annotation ${shown([name])}`);
  }
  for (const name of Object.keys(there)) {
    const isNote = name === TAGGED || isBindingKey(name) || UNSIGNED.includes(name);
    if (!isNote && !Object.hasOwn(signed, name)) added.push(name);
  }
  if (strict && missing.length > 0) throw altered(`A part, ${shown(missing)},`);
  if (strict && added.length > 0) throw altered(`An annotation, ${shown(added)},`);
  return [
    ...missing.length === 0
      ? []
      : [{ code: "incomplete_entry", message: `Signed, but missing: ${shown(missing)}` }],
    ...added.length === 0
      ? []
      : [{ code: "unsigned_annotation", message: `There, but not signed: ${shown(added)}` }],
  ];
}

function shown(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return names.slice(0, 3).map((name) => JSON.stringify(name.slice(0, 100))).join(", ") + more;
}
