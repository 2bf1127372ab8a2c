import { type Descriptor, IMAGE_NAME, REF_NAME } from "./descriptor.ts";
import { looksLikeDigest } from "./digest.ts";
import { OciError } from "./errors.ts";

const ALPHANUM = "[A-Za-z0-9]+";
const COMPONENT = `${ALPHANUM}(?:(?:--|[-._:@+])${ALPHANUM})*`;
const REF = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST_TAG = /^(sha256|sha512)-([a-f0-9]{64,128})(?:\.|$)/;

/** Annotations that may hold anything: entries of foreign indexes are not checked before they are used. */
function annotation(entry: Descriptor, name: string): string | undefined {
  const value: unknown = entry?.annotations?.[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The name of an entry: its image name if it has one, else its reference name. */
export function nameOf(entry: Descriptor): string | undefined {
  return annotation(entry, IMAGE_NAME) ?? annotation(entry, REF_NAME);
}

/** A name cut into repository and tag: at the last colon after the last slash. */
export function splitName(name: string): { repository?: string; tag: string } {
  const colon = name.lastIndexOf(":");
  if (colon <= name.lastIndexOf("/") || colon < 1) return { tag: name };
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** The digest that a digest tag spells, `sha256-<hex>` or `sha256-<hex>.sig`: the tag belongs to that manifest. */
export function taggedSubject(name: string): string | undefined {
  const [, algorithm, hex] = DIGEST_TAG.exec(splitName(name).tag) ?? [];
  return algorithm && `${algorithm}:${hex}`;
}

/** Whether a name is a digest tag. */
export function isDigestTag(name: string): boolean {
  return taggedSubject(name) !== undefined;
}

/** Splits `name@digest` at the last `@`, if what follows is a digest. */
export function splitPinned(text: string): { name: string; digest?: string } {
  const at = text.lastIndexOf("@");
  const tail = text.slice(at + 1);
  if (at < 0 || !looksLikeDigest(tail)) return { name: text };
  return { name: text.slice(0, at), digest: tail };
}

/**
 * A name that may be written.
 *
 * @throws {OciError} `invalid` if it is empty, longer than 255 bytes, outside the grammar of reference names, or could
 * be taken for a digest.
 */
export function checkName(name: string): string {
  const fail = (why: string) => {
    throw new OciError("invalid", `Cannot set the name ${JSON.stringify(name)}: ${why}`, {
      ref: name,
    });
  };
  if (name === "") fail("it is empty");
  if (looksLikeDigest(name) || splitPinned(name).digest !== undefined) fail("it reads as a digest");
  if (new TextEncoder().encode(name).length > 255) fail("it is longer than 255 bytes");
  if (!REF.test(name) && !TAG.test(name)) {
    fail("it may hold letters, digits and single separators out of - . _ : @ + / between them");
  }
  return name;
}

/** The annotations that spell a name; a retag keeps the spelling of the entry it replaces. */
export function spelling(name: string, replaced?: Descriptor): Record<string, string | null> {
  const { repository, tag } = splitName(name);
  const plain = replaced !== undefined && annotation(replaced, REF_NAME) === name;
  if (repository === undefined || plain) return { [REF_NAME]: name, [IMAGE_NAME]: null };
  return { [REF_NAME]: tag, [IMAGE_NAME]: name };
}

/** The annotations of an entry without a name. */
export const nameless: Record<string, null> = { [REF_NAME]: null, [IMAGE_NAME]: null };

/** Ways in which a name finds an entry, the closest first. */
const RULES: readonly ((name: string, ref?: string, image?: string) => boolean)[] = [
  (name, ref, image) => ref === name && image === undefined,
  (name, ref) => ref === name,
  (name, _, image) => image === name,
  (name, ref, image) =>
    [image, ref].some((one) => one !== undefined && splitName(one).tag === name),
];

/** The entries that a name finds: by the first rule that finds any. */
export function entriesNamed(
  entries: readonly Descriptor[],
  name: string,
  { suffix = true } = {},
): readonly Descriptor[] {
  for (const finds of suffix ? RULES : RULES.slice(0, -1)) {
    const found = entries.filter((entry) =>
      finds(name, annotation(entry, REF_NAME), annotation(entry, IMAGE_NAME))
    );
    if (found.length > 0) return found;
  }
  return [];
}
