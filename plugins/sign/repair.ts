import { annotated, type Descriptor, REF_NAME, type TagContext } from "../../core/mod.ts";
import { attach } from "./attach.ts";
import { type Bound, peek } from "./bundles.ts";
import { candidates } from "./candidates.ts";
import { preAuthEncoding } from "./envelope.ts";
import type { PublicKey } from "./key.ts";
import type { Policy } from "./policy.ts";
import { COVERED_MEMBERS, refOf } from "./statement.ts";
import { listedBundles } from "./stored.ts";

/** How an entry is repaired. */
export interface RepairOptions {
  /** Only signatures of keys of this policy count. */
  readonly policy?: Policy | undefined;
  /** Or of these keys. */
  readonly keys?: readonly PublicKey[] | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Puts signatures and signed members back that an entry has lost; what differs stays as it is, for it is an attack. */
export async function repair(
  entry: Descriptor,
  context: TagContext,
  { policy, keys = [] }: RepairOptions,
): Promise<Descriptor> {
  const trusted = [...keys, ...policy?.keys.map(({ key }) => key) ?? []];
  const bounds = new Map<string, Bound>();
  const add = (bytes: Uint8Array) => {
    const bound = peek(bytes);
    if (!bound || bound.binding.ref !== refOf(entry)) return;
    if (bound.binding.target.digest !== entry.digest) return;
    const { envelope } = bound;
    const signed = preAuthEncoding(envelope.payloadType, envelope.payload);
    const isTrusted = trusted.length === 0 ||
      trusted.some((key) => key.verify(signed, envelope.signature));
    if (isTrusted) bounds.set(new TextDecoder().decode(bytes), bound);
  };
  for await (const group of candidates(context, entry, ["binding", "cosign-bundle"])) {
    for (const { bytes, broken, legacy } of group) if (!broken && !legacy) add(bytes);
  }
  for (const bytes of await listedBundles(context, entry.annotations?.[REF_NAME] ?? "")) add(bytes);
  const all = [...bounds.values()];
  const highest = Math.max(0, ...all.map(({ binding }) => binding.sequence));
  const best = all.filter(({ binding }) => binding.sequence === highest);
  const chosen = best.filter(({ statement }) => statement === best[0]?.statement);
  const [first] = chosen;
  if (!first) return entry;
  const whole = restored(entry, first);
  return await attach(whole, chosen, context);
}

/** The entry with what was signed of it and is not there. */
function restored(entry: Descriptor, { binding: { target } }: Bound): Descriptor {
  const members = COVERED_MEMBERS.filter((name) =>
    entry[name] === undefined && target[name] !== undefined
  ).map((name) => [name, target[name]]);
  const annotations = Object.entries(target.annotations ?? {})
    .filter(([name]) => entry.annotations?.[name] === undefined);
  return annotated({ ...entry, ...Object.fromEntries(members) }, Object.fromEntries(annotations));
}
