// The XML of S3: small documents of nested elements, no attributes that matter.
import type { XmlDialect } from "./switches.ts";

/** An element's content: text, elements by name in order, the same name repeated as a list. Absent ones are left out. */
export type Content = string | number | boolean | Elements | undefined;
export interface Elements {
  readonly [name: string]: Content | readonly Content[];
}

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";
const ENTITIES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

// A carriage return would be read back as a line feed, so it is always a number.
const plain = (text: string) =>
  text.replace(/[&<>"'\r]/g, (char) => ENTITIES[char] ?? `&#${char.charCodeAt(0)};`);
const numeric = (text: string) =>
  text.replace(/[&<>"'\r]/g, (char) => `&#x${char.charCodeAt(0).toString(16)};`);

function element(name: string, content: Content, dialect: XmlDialect): string {
  if (content === undefined) return "";
  const tag = dialect.prefix ? `s3:${name}` : name;
  return `<${tag}>${inner(content, dialect)}</${tag}>`;
}

function inner(content: Content, dialect: XmlDialect): string {
  if (typeof content !== "object") {
    const text = String(content);
    if (dialect.cdata && /[&<>"]/.test(text) && !text.includes("]]>")) {
      return `<![CDATA[${text}]]>`;
    }
    return (dialect.entities === "numeric" ? numeric : plain)(text);
  }
  return Object.entries(content).map(([name, value]) =>
    (Array.isArray(value) ? value as readonly Content[] : [value as Content])
      .map((one) => element(name, one, dialect)).join("")
  ).join("");
}

/** A document. */
export function writeXml(root: string, content: Elements, dialect: XmlDialect): string {
  const prefix = dialect.prefix ? "s3:" : "";
  const about = dialect.namespace && root !== "Error"
    ? ` xmlns${dialect.prefix ? ":s3" : ""}="${NAMESPACE}"`
    : dialect.prefix
    ? ` xmlns:s3="${NAMESPACE}"`
    : "";
  return `${dialect.bom ? "\ufeff" : ""}<?xml version="1.0" encoding="UTF-8"?>\n` +
    `<${prefix}${root}${about}>${inner(content, dialect)}</${prefix}${root}>`;
}

/** An element that was read. */
export interface Read {
  readonly name: string;
  readonly text: string;
  readonly children: readonly Read[];
}

const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const unescape = (text: string) =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex) return String.fromCodePoint(parseInt(hex, 16));
    if (decimal) return String.fromCodePoint(Number(decimal));
    return NAMED[name] ?? whole;
  });

/** Reads a document; undefined if it is not well-formed. */
export function readXml(source: string): Read | undefined {
  interface Open {
    name: string;
    text: string;
    children: Read[];
  }
  const top: Open = { name: "", text: "", children: [] };
  const open = [top];
  let end = 0;
  const tokens =
    /<\?[^>]*\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\/([^\s>]+)\s*>|<([^\s/>]+)[^>]*?(\/?)>|([^<]+)/gy;
  for (const token of source.replace(/^\ufeff/, "").matchAll(tokens)) {
    const [whole, cdata, closes, opens, selfClosing, text] = token;
    end += whole.length;
    const here = open.at(-1) ?? top;
    if (cdata !== undefined) here.text += cdata;
    else if (text !== undefined) here.text += unescape(text);
    else if (opens !== undefined) {
      const next: Open = { name: opens.replace(/^.*:/, ""), text: "", children: [] };
      here.children.push(next);
      if (!selfClosing) open.push(next);
    } else if (closes !== undefined) {
      if (open.length < 2 || here.name !== closes.replace(/^.*:/, "")) return undefined;
      open.pop();
    }
  }
  const whole = end === source.replace(/^\ufeff/, "").length;
  return whole && open.length === 1 && top.children.length === 1 ? top.children[0] : undefined;
}

/** The text of the first child of a name. */
export const textOf = (parent: Read, name: string): string | undefined =>
  parent.children.find((child) => child.name === name)?.text;

/** The children of a name. */
export const all = (parent: Read, name: string): readonly Read[] =>
  parent.children.filter((child) => child.name === name);
