import {
  type Descriptor,
  digestOf,
  IMAGE_NAME,
  isDigestTag,
  nameOf,
  OciError,
  sameJson,
  type TagContext,
} from "../../core/mod.ts";
import { attach } from "./attach.ts";
import { type Bound, isBindingKey, peek, withBundles } from "./bundles.ts";
import { MOST_BUNDLE, preAuthEncoding, printBundle } from "./envelope.ts";
import { type Floor, loadFloor } from "./floor.ts";
import { type PublicKey, publicKey, type Signer } from "./key.ts";
import {
  type Binding,
  isScope,
  printStatement,
  projectionOf,
  refOf,
  STATEMENT_TYPE,
} from "./statement.ts";
import { entriesAbout, listedBundles, ownBundles } from "./stored.ts";
import { printTime, readTime } from "./time.ts";

/** How references are signed. */
export interface BindOptions {
  /** What signs. */
  readonly signer: Signer;
  /** Where the reference means something, such as `registry.example/team/app`. */
  readonly scope: string;
  /** Until when: milliseconds since 1970 for a time of signing. */
  readonly expires?: ((now: number) => number) | undefined;
  /** Sign anew although a signature holds. */
  readonly renew?: boolean | undefined;
  /** Keys whose statements are co-signed and counted on from, beside the signer's own. */
  readonly keys?: readonly PublicKey[] | undefined;
  /** The sequence that a verifier has seen last. */
  readonly seen?: ((name: string) => Promise<number>) | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What became of an entry. */
export interface Signed {
  readonly entry: Descriptor;
  /** What was said of it. */
  readonly binding?: Binding;
  /** What is to be noted once the name is set. */
  readonly floor?: Floor;
}

/** The bundles that an entry brings along and that speak of this very name and digest. */
async function carried(entry: Descriptor, context: TagContext): Promise<Bound[]> {
  const bounds = (await ownBundles(context, entry)).map(peek);
  return bounds.filter((bound) => bound !== undefined).filter(({ binding: { ref, target } }) =>
    ref === refOf(entry) && target.digest === entry.digest
  );
}

/** Keeps the signatures that an entry brings along, in the layout too, and drops those of other references. */
export async function carry(entry: Descriptor, context: TagContext): Promise<Descriptor> {
  if (!Object.keys(entry.annotations ?? {}).some(isBindingKey)) return entry;
  const bounds = await carried(entry, context);
  if (bounds.length === 0) return withBundles(entry, [], false);
  return await attach(entry, bounds, context);
}

/** Signs an entry, or lets it be where a signature of this key holds; adds one to a statement of others. */
export async function bind(
  entry: Descriptor,
  context: TagContext,
  options: BindOptions,
): Promise<Signed> {
  const name = nameOf(entry);
  if (name === undefined || isDigestTag(name)) return { entry };
  const { signer, scope, renew = false, now } = options;
  if (!isScope(scope)) {
    throw new OciError("invalid", "Cannot sign: a scope has 1 to 512 bytes");
  }
  const own = publicKey(signer.spki);
  const all = await earlier(entry, name, context);
  const trusted = [own, ...options.keys ?? []];
  const known = all.filter((bound) => trusted.some((key) => isBy(key, bound)));
  const highest = Math.max(0, ...known.map(({ binding }) => binding.sequence));
  const top = known.filter(({ binding }) => binding.sequence === highest);
  const current = top.find(({ binding }) => holds(binding, entry, scope, now)) ?? top[0];
  if (current && !renew && holds(current.binding, entry, scope, now)) {
    const { expires: until } = current.binding;
    if (options.expires && printTime(options.expires(now)) !== until) {
      context.notice({
        code: "signed_already",
        message: `${name} is signed ${until ? `until ${until}` : "without an end"} already: ` +
          "only `stowage sign --renew` changes that",
        ref: name,
      });
    }
    const same = all.filter(({ statement }) => statement === current.statement);
    const bounds: Pick<Bound, "bytes" | "binding">[] = oneOfEach(same);
    if (!same.some((bound) => isBy(own, bound))) {
      const bytes = await signed(current.envelope.payload, signer, own);
      bounds.push({ bytes, binding: current.binding });
    }
    return { entry: await attach(entry, bounds, context), binding: current.binding };
  }
  const past = Math.max(
    highest,
    await options.seen?.(name) ?? 0,
    await loadFloor(context, scope, name),
  );
  const binding: Binding = {
    ref: refOf(entry),
    scope,
    sequence: past + 1,
    previous: current?.statement ?? null,
    issued: printTime(now),
    expires: expiry(options, now),
    target: projectionOf(entry),
  };
  const bytes = await signed(printStatement(binding), signer, own);
  if (bytes.length > MOST_BUNDLE) {
    throw new OciError("invalid", `Cannot sign ${JSON.stringify(name)}: it says too much`);
  }
  return {
    entry: await attach(entry, [{ bytes, binding }], context),
    binding,
    floor: { scope, name, sequence: binding.sequence },
  };
}

/** Earlier bindings of the name, by whomever: on the entry, on its predecessor, listed. */
async function earlier(entry: Descriptor, name: string, context: TagContext): Promise<Bound[]> {
  const former = entriesAbout(context, name).filter((one) => nameOf(one) === name);
  const bundles: Uint8Array[] = [];
  for (const one of [entry, ...former]) bundles.push(...await ownBundles(context, one));
  bundles.push(...await listedBundles(context, name));
  const image = entry.annotations?.[IMAGE_NAME];
  const bounds = new Map<string, Bound>();
  for (const bytes of bundles) {
    const bound = peek(bytes);
    if (!bound || bounds.has(digestOf(bytes))) continue;
    const { ref, target } = bound.binding;
    const isOfName = ref === refOf(entry) && target.annotations?.[IMAGE_NAME] === image;
    if (isOfName) bounds.set(digestOf(bytes), bound);
  }
  return [...bounds.values()];
}

/** Whether a key has signed it. */
function isBy(key: PublicKey, { envelope }: Bound): boolean {
  if (envelope.hint !== undefined && envelope.hint !== key.hint) return false;
  return key.verify(preAuthEncoding(envelope.payloadType, envelope.payload), envelope.signature);
}

function holds(binding: Binding, entry: Descriptor, scope: string, now: number): boolean {
  const end = readTime(binding.expires) ?? Infinity;
  return binding.scope === scope && now < end && sameJson(binding.target, projectionOf(entry));
}

/** A bundle per key: signatures of ECDSA differ each time. */
function oneOfEach(bounds: readonly Bound[]): Bound[] {
  return [...new Map(bounds.map((bound) => [bound.envelope.hint, bound])).values()];
}

async function signed(statement: Uint8Array, signer: Signer, own: PublicKey): Promise<Uint8Array> {
  const encoded = preAuthEncoding(STATEMENT_TYPE, statement);
  const signature = await signer.sign(encoded);
  if (!own.verify(encoded, signature)) {
    throw new OciError("invalid", "Cannot sign: what the key made does not verify");
  }
  return printBundle(statement, signature, own.hint);
}

function expiry({ expires }: BindOptions, now: number): string | null {
  if (expires === undefined) return null;
  const end = printTime(expires(now));
  if (end > printTime(now)) return end;
  throw new OciError("invalid", `Cannot sign: "${end}" is over already`);
}
