// Finding entries of an index.
import { type Descriptor, descriptorSchema, isPlainDescriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { type ImageIndex, rowsBehind } from "./image_index.ts";
import { entriesNamed, nameOf } from "./names.ts";
import { complaint } from "./schema.ts";

const verdicts = new WeakMap<object, boolean>();

/** Whether an entry is a descriptor; one that is not is kept verbatim and never resolved. */
export function isUsable(entry: unknown): entry is Descriptor {
  if (typeof entry !== "object" || entry === null) return false;
  let verdict = verdicts.get(entry);
  if (verdict === undefined) {
    verdict = isPlainDescriptor(entry) || complaint(descriptorSchema, entry) === undefined;
    verdicts.set(entry, verdict);
  }
  return verdict;
}

/** The entries that may say a string: those whose text holds it, or all. */
export function saying(index: ImageIndex, text: string, begin = '"'): readonly Descriptor[] {
  return rowsBehind(index)?.holding(begin + JSON.stringify(text).slice(1)) ?? index.manifests;
}

/** The entries that have this very name. */
export function named(index: ImageIndex, name: string): readonly Descriptor[] {
  return saying(index, name).filter((entry) => nameOf(entry) === name);
}

/** The entries that a name finds: by the first rule that finds any. */
export function found(
  index: ImageIndex,
  name: string,
  rules?: { readonly suffix?: boolean },
): readonly Descriptor[] {
  return entriesNamed(saying(index, name, ""), name, rules);
}

/** The entries of a digest, usable or not. */
export function listed(index: ImageIndex, digest: Digest): readonly Descriptor[] {
  return saying(index, digest).filter((entry) => entry?.digest === digest);
}

/** The usable entries of a digest. */
export function entriesOf(index: ImageIndex, digest: Digest): readonly Descriptor[] {
  return listed(index, digest).filter(isUsable);
}

/** The first usable entry of a digest that also passes `test`. */
export function entryOf(
  index: ImageIndex,
  digest: Digest,
  test: (entry: Descriptor) => boolean = () => true,
): Descriptor | undefined {
  return listed(index, digest).find((entry) => isUsable(entry) && test(entry));
}

/** The entries that are descriptors. */
export function usable(index: ImageIndex): readonly Descriptor[] {
  return index.manifests.filter(isUsable);
}
