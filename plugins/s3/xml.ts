// The little of XML that S3 speaks: elements and text. No attributes are kept, prefixes of names are dropped, and no
// entity is known but the five of XML itself and character references.

/** An element: its text, and its children by name. */
export interface Element {
  readonly name: string;
  readonly text: string;
  readonly children: readonly Element[];
}

interface Open {
  name: string;
  text: string;
  children: Element[];
}

const DEEPEST = 32;
const TOKEN =
  /<!\[CDATA\[([\s\S]*?)\]\]>|<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!DOCTYPE[^>]*>|<(\/?)([^\s/>]+)([^>]*?)(\/?)>|([^<]+)/gy;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/** The root element of a text; undefined if it is not well formed. */
export function parseXml(text: string): Element | undefined {
  const source = text.replace(/^\ufeff?\s*/, "");
  const root: Open = { name: "", text: "", children: [] };
  const stack: Open[] = [root];
  let at = 0;
  TOKEN.lastIndex = 0;
  for (let token = TOKEN.exec(source); token; token = TOKEN.exec(source)) {
    at = TOKEN.lastIndex;
    const [, cdata, closing, name, , empty, plain] = token;
    const top = stack.at(-1) ?? root;
    if (cdata !== undefined) top.text += cdata;
    else if (plain !== undefined) top.text += decodeEntities(plain);
    else if (name !== undefined && closing) {
      if (stack.length < 2 || top.name !== localName(name)) return undefined;
      stack.pop();
    } else if (name !== undefined) {
      const element: Open = { name: localName(name), text: "", children: [] };
      top.children.push(element);
      if (!empty && stack.push(element) > DEEPEST) return undefined;
    }
  }
  const [only, ...more] = root.children;
  return at === source.length && stack.length === 1 && more.length === 0 ? only : undefined;
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function decodeEntities(text: string): string {
  return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return ENTITIES[name] ?? whole;
    const code = name[1]?.toLowerCase() === "x"
      ? Number.parseInt(name.slice(2), 16)
      : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** The text of the first child of that name, anywhere below with a path such as `Owner/ID`. */
export function textOf(element: Element | undefined, path: string): string | undefined {
  let now = element;
  for (const name of path.split("/")) now = now?.children.find((child) => child.name === name);
  return now?.text;
}

/** The children of that name. */
export function childrenOf(element: Element, name: string): readonly Element[] {
  return element.children.filter((child) => child.name === name);
}

/** Text as it stands in an element. */
export function escapeXml(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[&<>"'\r\u0000-\u001f]/g,
    (character) => `&#x${character.charCodeAt(0).toString(16)};`,
  );
}
