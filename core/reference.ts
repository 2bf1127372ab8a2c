import { type Digest, looksLikeDigest, parseDigest } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import {
  type Form,
  formOf,
  hidden,
  isTag,
  type Place,
  placeOf,
  placeTexts,
  unreadable,
} from "./place.ts";

/** A place, and what is meant in it. */
export interface Reference {
  /** Where to look. */
  readonly place: Place;
  /** The name of an entry: a tag, or any other. */
  readonly name?: string;
  /** The digest, which decides; the name then only prefers its entry. */
  readonly digest?: Digest;
}

/**
 * Reads a place and its reference. The file system is never looked at, so a text means the same everywhere. Each of
 * `schemes` (those of a registry) that is no word of the grammar begins a URL.
 *
 * @throws {OciError} `invalid` with a form that would do, or `invalid_digest`. No message shows a user name, a password
 * or a query.
 *
 * @example
 * ```ts
 * import { parseReference } from "./reference.ts";
 *
 * parseReference("./store:v1", []); // { place: { scheme: "dir", path: "./store" }, name: "v1" }
 * ```
 */
export function parseReference(text: string, schemes: readonly string[]): Reference {
  if (/[\p{Cc}\p{Cs}]/u.test(text)) throw unreadable(text, "it holds a control character");
  const hash = text.indexOf("#");
  const typed = hash < 0 ? text : text.slice(0, hash);
  const form = formOf(typed, schemes);
  const end = endOfPath(typed, form);
  const path = typed.slice(form.start, end);
  const place = (path: string) => placeOf(form, path, typed.slice(end), text);
  const at = hash < 0 ? path.search(/@(?:sha256|sha384|sha512|blake3):[^/]*$/) : -1;
  const named = at < 0 ? path : path.slice(0, at);
  if (form.url && /^\/\/[^/]*@/.test(named)) {
    throw unreadable(text, "a place takes no user name and no password");
  }
  if (hash >= 0) return { place: place(path), ...nameOrDigest(text.slice(hash + 1)) };

  const digest = at < 0 ? {} : { digest: parseDigest(path.slice(at + 1)) };
  const colon = colonOf(named, form);
  if (colon < 0) return { place: place(named), ...digest };

  const before = place(named.slice(0, colon));
  const name = named.slice(colon + 1);
  const head = hidden(text.slice(0, form.start + colon));
  if (form.url && !named.slice(2).includes("/")) {
    throw unreadable(text, `no tag follows a host; write "${head}/:${name}" or "${head}#${name}"`);
  }
  if (isTag(name)) return { place: before, name, ...digest };
  if (form.first && name !== "" && at < 0) return { place: before, ...nameOrDigest(name) };
  throw unreadable(
    text,
    `${JSON.stringify(name)} is no tag; write "${head}#NAME" for any other name, "${
      hidden(text)
    }#" for a path with a colon`,
  );
}

/** Where the path ends: at the query of a URL. */
function endOfPath(text: string, form: Form): number {
  const query = form.url ? text.indexOf("?") : -1;
  return query < 0 ? text.length : query;
}

/** The colon before the name, or -1. That of a drive is none, nor is that of a port. */
function colonOf(path: string, form: Form): number {
  const from = /^[A-Za-z]:[\\/]/.test(path) ? 2 : 0;
  if (form.first) return path.indexOf(":", from);
  if (form.url && /^\/\/[^/]*:\d+$/.test(path)) return -1;
  const colon = path.lastIndexOf(":");
  return colon < Math.max(from, path.lastIndexOf("/")) ? -1 : colon;
}

function nameOrDigest(text: string): Omit<Reference, "place"> {
  if (text === "") return {};
  return looksLikeDigest(text) ? { digest: parseDigest(text) } : { name: text };
}

/**
 * Writes a reference so that {@linkcode parseReference} reads the same again, in the shortest form that does.
 *
 * @throws {OciError} `invalid` if no text means this, such as a relative path with `#`.
 */
export function formatReference(reference: Reference, schemes: readonly string[]): string {
  const { place, name, digest } = reference;
  const at = digest === undefined ? "" : `@${digest}`;
  const tails = name === undefined ? [at, `#${digest ?? ""}`] : [`:${name}${at}`, `#${name}`];
  for (const text of placeTexts(place)) {
    for (const tail of tails) {
      const end = tail.startsWith("#") ? text.length : endOfUrl(text, schemes);
      const candidate = text.slice(0, end) + tail + text.slice(end);
      if (means(candidate, reference, schemes)) return candidate;
    }
  }
  const shown = JSON.stringify(hidden(place.path));
  throw new OciError("invalid", `Cannot write a reference to ${shown}: no text means it`);
}

function endOfUrl(text: string, schemes: readonly string[]): number {
  const isUrl = schemes.some((scheme) => text.startsWith(`${scheme}://`));
  return endOfPath(text, isUrl ? { start: 0, url: true } : { start: 0 });
}

function means(text: string, wanted: Reference, schemes: readonly string[]): boolean {
  try {
    const got = parseReference(text, schemes);
    return got.place.scheme === wanted.place.scheme && got.place.path === wanted.place.path &&
      got.name === wanted.name && got.digest === wanted.digest;
  } catch (error) {
    if (isOciError(error)) return false;
    throw error;
  }
}
