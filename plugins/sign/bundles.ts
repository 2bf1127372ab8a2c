import {
  annotated,
  type Descriptor,
  type Digest,
  digestOf,
  type ImageIndex,
  isDigest,
  isOciError,
  saying,
} from "../../core/mod.ts";
import { utf8 } from "./bytes.ts";
import { type Envelope, readBundle } from "./envelope.ts";
import { type Binding, bindingOf, readStatement } from "./statement.ts";

/** The annotation that holds the first bundle; further signers' are `.2` to `.32`. */
export const BINDING = "dev.stowage.binding";
/** The annotation that lists the digests of all bundles. */
export const BINDING_REF = "dev.stowage.binding.ref";
/** No more signers than that have a place on an entry. */
export const MOST_BINDINGS = 32;
/** An annotation is read up to that many bytes. */
export const MOST_ANNOTATION = 64 << 10;
/** Bundles stay out of an index once they would take more bytes of it than that. */
const MOST_INLINE = 512 << 10;

function keyAt(at: number): string {
  return at === 0 ? BINDING : `${BINDING}.${at + 1}`;
}

const KEYS = new Set([...Array.from({ length: MOST_BINDINGS }, (_, at) => keyAt(at)), BINDING_REF]);

/** Whether an annotation holds a bundle, or points at some. */
export function isBindingKey(name: string): boolean {
  return KEYS.has(name);
}

/** The bundles that an entry holds itself, in order, as text. */
export function inlineBundles({ annotations = {} }: Descriptor): string[] {
  return Array.from({ length: MOST_BINDINGS }, (_, at) => annotations[keyAt(at)])
    .filter((text) => text !== undefined);
}

/** The digests of the bundles that an entry points at, in order. */
export function bundleRefs({ annotations = {} }: Descriptor): Digest[] {
  const text = annotations[BINDING_REF] ?? "";
  if (text.length > MOST_ANNOTATION) return [];
  return text.split(" ").filter(isDigest).slice(0, MOST_BINDINGS);
}

/** The entry with these bundles and no others; `inline` tells whether it holds them itself. */
export function withBundles(
  entry: Descriptor,
  bundles: readonly Uint8Array[],
  inline: boolean,
): Descriptor {
  const former = Object.keys(entry.annotations ?? {}).filter(isBindingKey);
  const changes: Record<string, string | null> = {};
  for (const name of former) changes[name] = null;
  if (bundles.length === 0) return former.length === 0 ? entry : annotated(entry, changes);
  changes[BINDING_REF] = bundles.map((bytes) => digestOf(bytes)).join(" ");
  if (inline) {
    for (const [at, bytes] of bundles.entries()) {
      changes[keyAt(at)] = new TextDecoder().decode(bytes);
    }
  }
  return annotated(entry, changes);
}

/** The bytes of bundles. */
export function lengthOf(bundles: readonly Uint8Array[]): number {
  return bundles.reduce((sum, { length }) => sum + length, 0);
}

/** The bytes that bundles take in an index. */
export function inlineSize(index: ImageIndex): number {
  return saying(index, BINDING).reduce((sum, entry) => {
    if (typeof entry?.annotations !== "object") return sum;
    return inlineBundles(entry).reduce((size, text) => size + String(text).length, sum);
  }, 0);
}

/** Whether there is room for these bundles on an entry, in an index where others take `used` bytes. */
export function fitsInline(bundles: readonly Uint8Array[], used: number): boolean {
  return bundles.every(({ length }) => length <= MOST_ANNOTATION) &&
    used + lengthOf(bundles) <= MOST_INLINE;
}

/** A bundle of ours, read and not yet verified. */
export interface Bound {
  readonly bytes: Uint8Array;
  readonly envelope: Envelope;
  readonly binding: Binding;
  /** The digest of the statement. */
  readonly statement: Digest;
}

/** Reads a bundle of ours; nothing for what is none. */
export function peek(bundle: Uint8Array | string): Bound | undefined {
  const bytes = typeof bundle === "string" ? utf8(bundle) : bundle;
  try {
    const envelope = readBundle(bytes);
    const binding = bindingOf(readStatement(envelope.payload));
    return { bytes, envelope, binding, statement: digestOf(envelope.payload) };
  } catch (error) {
    if (isOciError(error, "refused")) return undefined;
    throw error;
  }
}
