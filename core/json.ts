import { OciError } from "./errors.ts";

const { rawJSON: raw, isRawJSON: isRaw } = JSON as unknown as {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
};
const MAX_DEPTH = 256;

/**
 * Reads JSON so that `JSON.stringify` of the value says all that the text said: numbers that a double cannot hold are
 * carried as their source text, `__proto__` is data, and an object that names a member twice is refused, as two
 * readers could see two different documents.
 *
 * @throws {OciError} `corrupt`, with the offset.
 */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    // A text that prints as it was read has no second member of a name, and no number that lost a digit.
    if (JSON.stringify(value) === text && (isSimple(text) || isShallow(value))) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
  }
  return new Reader(text).whole();
}

/** Whether so little is opened in a text that it cannot be deep. */
function isSimple(text: string): boolean {
  let opened = 0;
  for (const bracket of "[{") {
    let at = text.indexOf(bracket);
    for (; at >= 0 && opened < MAX_DEPTH; opened++) at = text.indexOf(bracket, at + 1);
  }
  return opened < MAX_DEPTH;
}

function isShallow(value: unknown, depth = 0): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth >= MAX_DEPTH) return false;
  for (const name in value) {
    const one = (value as Record<string, unknown>)[name];
    if (typeof one === "object" && !isShallow(one, depth + 1)) return false;
  }
  return true;
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORDS = { t: ["true", true], f: ["false", false], n: ["null", null] } as const;

/** The careful way, for texts that the quick one cannot vouch for. */
class Reader {
  #at = 0;
  constructor(readonly text: string) {}

  whole(): unknown {
    const value = this.#value(0);
    this.#take(SPACE);
    if (this.#at < this.text.length) this.#fail("text after the end");
    return value;
  }

  #value(depth: number): unknown {
    if (depth > MAX_DEPTH) this.#fail(`more than ${MAX_DEPTH} levels deep`);
    this.#take(SPACE);
    const first = this.text[this.#at] ?? "";
    if (first === "{") return this.#object(depth);
    if (first === "[") return this.#array(depth);
    if (first === '"') return this.#string();
    if (first === "t" || first === "f" || first === "n") {
      const [word, value] = WORDS[first];
      if (!this.text.startsWith(word, this.#at)) this.#fail("not a value");
      this.#at += word.length;
      return value;
    }
    const source = this.#take(NUMBER) ?? this.#fail("not a value");
    const value = Number(source);
    return String(value) === source ? value : raw(source);
  }

  #object(depth: number): unknown {
    const members: [string, unknown][] = [];
    const names = new Set<string>();
    this.#list("}", () => {
      const name = this.#string();
      if (names.has(name)) this.#fail(`member ${JSON.stringify(name.slice(0, 80))} named twice`);
      names.add(name);
      this.#take(SPACE);
      if (this.text[this.#at++] !== ":") this.#fail("no colon after a name", -1);
      members.push([name, this.#value(depth + 1)]);
    });
    return Object.fromEntries(members);
  }

  #array(depth: number): unknown {
    const items: unknown[] = [];
    this.#list("]", () => void items.push(this.#value(depth + 1)));
    return items;
  }

  #list(end: string, item: () => void): void {
    this.#at++;
    this.#take(SPACE);
    if (this.text[this.#at] === end) return void this.#at++;
    while (true) {
      this.#take(SPACE);
      item();
      this.#take(SPACE);
      const next = this.text[this.#at++];
      if (next === end) return;
      if (next !== ",") this.#fail("neither a comma nor an end", -1);
    }
  }

  #string(): string {
    const start = this.#at;
    if (this.text[start] !== '"') this.#fail("not a string");
    let end = start;
    do {
      end = this.text.indexOf('"', end + 1);
      if (end < 0) this.#fail("a string without an end");
    } while (this.#escaped(end));
    this.#at = end + 1;
    try {
      return JSON.parse(this.text.slice(start, end + 1));
    } catch {
      this.#at = start;
      return this.#fail("a string with an illegal character");
    }
  }

  #escaped(at: number): boolean {
    let slashes = 0;
    while (this.text[at - slashes - 1] === "\\") slashes++;
    return slashes % 2 === 1;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #fail(what: string, shift = 0): never {
    throw new OciError("corrupt", `Cannot read JSON: ${what} at offset ${this.#at + shift}`);
  }
}

/** A deep copy of what `parseJson` read. */
export function copyJson<T>(value: T): T {
  if (typeof value !== "object" || value === null || isRaw(value)) return value;
  if (Array.isArray(value)) return value.map(copyJson) as T;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, copyJson(v)])) as T;
}

/** Whether two values say the same, whatever the order of their members. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (isRaw(a) || isRaw(b) || Array.isArray(a) !== Array.isArray(b)) {
    return JSON.stringify(a) === JSON.stringify(b);
  }
  const names = Object.keys(a);
  const member = (of: object, name: string) => (of as Record<string, unknown>)[name];
  return names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameJson(member(a, name), member(b, name)));
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 as text; a byte order mark stays, and is no JSON. Throws `corrupt`, in the words of `action`. */
export function decodeUtf8(bytes: Uint8Array, action = "Cannot read text"): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new OciError("corrupt", `${action}: it is not UTF-8`, { cause });
  }
}
