import { OciError } from "./errors.ts";

/** Answers a field path with its value, undefined if the field is absent. */
export type Fields = (path: readonly string[]) => string | undefined;
/** Whether something matches. */
export type Predicate = (fields: Fields) => boolean;

const FIELD = /[A-Za-z][A-Za-z0-9_]*/y;
const BARE = /[^\s,"/|][^\s,]*/y;
const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};
const CODE = /[0-3][0-7]{2}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}/y;

/**
 * Compiles filters such as `size==3,labels."a/b"~=^x`: any of several may match, none lets everything through.
 *
 * @throws {OciError} `invalid`, with the position.
 */
export function compileFilters(filters: readonly string[]): Predicate {
  const compiled = filters.map((filter) => new FilterReader(filter).read());
  return (fields) => compiled.length === 0 || compiled.some((matches) => matches(fields));
}

class FilterReader {
  #at = 0;
  constructor(readonly text: string) {}

  read(): Predicate {
    if (this.text === "") return () => true;
    const selectors = [this.#selector()];
    while (this.#at < this.text.length) {
      if (this.text[this.#at] !== ",") this.#fail("expected a comma");
      this.#at++;
      selectors.push(this.#selector());
    }
    return (fields) => selectors.every((matches) => matches(fields));
  }

  #selector(): Predicate {
    const path = [this.#field()];
    while (this.text[this.#at] === ".") {
      this.#at++;
      path.push(this.#field());
    }
    const operator = this.text.slice(this.#at, this.#at + 2);
    if (operator === "==" || operator === "!=") {
      this.#at += 2;
      const value = this.#value();
      return operator === "==" ? (get) => get(path) === value : (get) => get(path) !== value;
    }
    if (operator === "~=") {
      this.#at += 2;
      const pattern = this.#pattern();
      return (get) => {
        const value = get(path);
        return value !== undefined && pattern.test(value);
      };
    }
    if (this.#at < this.text.length && this.text[this.#at] !== ",") this.#fail("unknown operator");
    return (get) => get(path) !== undefined;
  }

  #field(): string {
    if (this.text[this.#at] === '"') return this.#quoted();
    return this.#take(FIELD) ?? this.#fail("expected a field");
  }

  #value(): string {
    if (this.text[this.#at] === '"') return this.#quoted();
    return this.#take(BARE) ?? this.#fail("expected a value");
  }

  #pattern(): RegExp {
    const start = this.#at;
    const quote = this.text[start];
    let source: string;
    if (quote === "/" || quote === "|") {
      const end = this.text.indexOf(quote, start + 1);
      if (end < 0) this.#fail("a pattern without an end");
      source = this.text.slice(start + 1, end);
      this.#at = end + 1;
    } else source = this.#value();
    try {
      return new RegExp(source, "u");
    } catch {
      this.#at = start;
      return this.#fail("not a pattern");
    }
  }

  #quoted(): string {
    const start = this.#at++;
    let value = "";
    while (this.#at < this.text.length) {
      const char = this.text[this.#at++] ?? "";
      if (char === '"') return value;
      value += char === "\\" ? this.#escape() : char;
    }
    this.#at = start;
    return this.#fail("a quote without an end");
  }

  #escape(): string {
    const letter = this.text[this.#at] ?? "";
    const simple = ESCAPES[letter];
    if (simple !== undefined) {
      this.#at++;
      return simple;
    }
    const start = this.#at;
    const code = this.#take(CODE) ?? this.#fail("unknown escape");
    const point = /^\d/.test(code) ? Number.parseInt(code, 8) : Number.parseInt(code.slice(1), 16);
    // In Go the short forms spell bytes; those past ASCII are no text by themselves.
    const most = /^[uU]/.test(code) ? 0x10ffff : 0x7f;
    if (point <= most && !(point >= 0xd800 && point < 0xe000)) return String.fromCodePoint(point);
    this.#at = start;
    return this.#fail("no character");
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #fail(what: string): never {
    throw new OciError(
      "invalid",
      `Cannot read the filter ${
        JSON.stringify(this.text.slice(0, 200))
      }: ${what} at position ${this.#at}`,
    );
  }
}
