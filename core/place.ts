import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { OciError } from "./errors.ts";

/** Where a layout is, as it was typed: nothing was looked up. */
export interface Place {
  /**
   * `dir`, `tar`, `mem`, or the scheme of a URL; `-` is a tar stream. Two are for the program to resolve: `@` is a place
   * of the settings, the empty one the default place.
   */
  readonly scheme: string;
  /** A path, taken literally; for a URL all after `scheme:`; the name of `mem` and `@`. */
  readonly path: string;
}

/** How a place is spelled. */
export interface Form {
  /** The scheme; none for a plain path. */
  readonly scheme?: string;
  /** Where the path begins. */
  readonly start: number;
  /** The first colon ends the path, not the last. */
  readonly first?: true;
  /** It has a host and a query. */
  readonly url?: true;
}

/** The words of the grammar itself; every other scheme is that of a URL. */
const WORDS: Readonly<Record<string, Omit<Form, "start"> & { slashes?: true }>> = {
  "dir": { scheme: "dir" },
  "tar": { scheme: "tar" },
  "mem": { scheme: "mem" },
  "oci": { scheme: "dir", first: true },
  "oci-archive": { scheme: "tar", first: true },
  "ocidir": { scheme: "dir", slashes: true },
  "file": { scheme: "file", slashes: true, url: true },
};

/** A tar stream: standard input where it is read, standard output where it is written. */
const STREAM: Place = { scheme: "-", path: "" };
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Whether `name` can stand after a colon, as in `./store:v1`. */
export function isTag(name: string): boolean {
  return TAG.test(name);
}

/** The spelling of `text`, judged by what stands before its first colon. */
export function formOf(text: string, schemes: readonly string[]): Form {
  const [, word = "", slashes] = /^([A-Za-z][A-Za-z0-9+.-]+):(\/\/)?/.exec(text) ?? [];
  if (!Object.hasOwn(WORDS, word) && !schemes.includes(word)) {
    if (!slashes) return { start: 0 };
    const known = [...new Set([...Object.keys(WORDS), ...schemes])].sort().join(", ");
    throw unreadable(text, `"${word}" is no scheme; known are ${known}`);
  }
  const { slashes: needed, ...form } = WORDS[word] ?? { scheme: word, slashes: true, url: true };
  if (needed && !slashes) {
    throw unreadable(text, `write "${word}://…", or "./${hidden(text)}" for a folder`);
  }
  return { ...form, start: word.length + (needed && !form.url ? 3 : 1) };
}

/** The place of a form, from its path and query. */
export function placeOf({ scheme }: Form, path: string, query: string, text: string): Place {
  if (scheme === undefined) return plainPlace(path, text);
  if (scheme === "file") return filePlace(path + query, text);
  if (path === "" && scheme !== "mem") throw unreadable(text, "the path is empty");
  if (scheme === "tar" && path === "-") return STREAM;
  return { scheme, path: path + query };
}

function plainPlace(path: string, text: string): Place {
  if (path === "-") return STREAM;
  if (path === "") return { scheme: "", path: "" };
  if (path.startsWith("@")) {
    if (isTag(path.slice(1))) return { scheme: "@", path: path.slice(1) };
    throw unreadable(text, `"@" begins a place of the settings; write "./${path}" for a path`);
  }
  return pathPlace(path);
}

function filePlace(rest: string, text: string): Place {
  if (!rest.startsWith("///") || rest.includes("?")) {
    throw unreadable(text, 'write "file:///PATH", with "%3F" for a question mark');
  }
  try {
    const path = decodeURIComponent(rest.slice(2));
    if (!/%2f|%00/i.test(rest)) return pathPlace(path);
  } catch {
    // told below
  }
  throw unreadable(text, 'what follows a "%" makes no path');
}

function pathPlace(path: string): Place {
  return { scheme: /\.tar$/i.test(path) ? "tar" : "dir", path };
}

/** The spellings a place may have, the shortest first; not each of them means it. */
export function placeTexts({ scheme, path }: Place): string[] {
  if (scheme === "" || scheme === "-" || scheme === "@") return [scheme + path];
  if (scheme !== "dir" && scheme !== "tar") return [`${scheme}:${path}`];
  const escaped = encodeURIComponent(path).replaceAll("%2F", "/");
  return [path, `${scheme}:${path}`, `file://${escaped}`];
}

/** Segments that a URL would lose, so that it named another place than was typed. */
const DOTS = /^[^?#]*?:\/\/[^/?#]*\/(?:[^?#]*\/)?(?:\.|%2e){1,2}(?:[/?#]|$)/i;

/**
 * The URL a backend opens: `dir:///abs/path` and `tar:///abs/path` escaped as file URLs are, `mem:NAME`, `tar:-` for a
 * stream, others as typed. A relative path is taken from `cwd`, an absolute path.
 *
 * @throws {OciError} `invalid` for what is no URL, and for a place that only a program can resolve.
 */
export function placeUrl({ scheme, path }: Place, cwd: string): URL {
  if (scheme === "dir" || scheme === "tar") {
    return new URL(`${scheme}:${pathToFileURL(resolve(cwd, path)).href.slice("file:".length)}`);
  }
  if (scheme === "-") return new URL("tar:-");
  if (scheme === "mem") return new URL(`mem:${encodeURIComponent(path)}`);
  const text = scheme.length > 1 ? `${scheme}:${path}` : scheme + path;
  if (DOTS.test(text)) throw unreadable(text, 'its path holds "." or "..", which URLs drop');
  if (scheme.length > 1 && URL.canParse(text)) return new URL(text);
  throw unreadable(text, "it names no place");
}

/** `text` without what may be secret: user name, password, query. */
export function hidden(text: string): string {
  return text.replace(/:\/\/[^?#]*@/, "://…@").replace(/(:\/\/[^?#]*)\?[^#]*/, "$1?…");
}

/** What is thrown where a text means no place. */
export function unreadable(text: string, why: string): OciError {
  return new OciError("invalid", `Cannot read ${JSON.stringify(hidden(text))}: ${why}`);
}
