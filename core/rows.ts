import type { Descriptor } from "./descriptor.ts";
import { parseJson } from "./json.ts";

/** How entries change: some leave or are replaced where they stand, others come last. */
export interface EntriesEdit {
  /** What each of these becomes; undefined: it leaves. */
  readonly replace?: ReadonlyMap<Descriptor, Descriptor | undefined>;
  /** What comes last, in order. */
  readonly add?: readonly Descriptor[];
}

/**
 * Entries as text, one a line, of which only those are parsed that are asked for: to set one name among ten thousand
 * takes a search, not a parse. Rows made from each other hold the same entry as the same object.
 */
export interface Rows {
  /** The lines: each begins after a line feed, and ends before one or a comma and one. */
  readonly text: string;
  /** How many entries were changed since they were read. */
  readonly changes: number;
  /** The entries whose line holds `needle`, in order. */
  holding(needle: string): readonly Descriptor[];
  /** All entries, in order. */
  all(): readonly Descriptor[];
  /** The rows after an edit of a few entries. */
  edited(edit: EntriesEdit): Rows;
  /** What was added since `before`, if these rows were made from it. */
  addedSince(before: Rows): readonly Descriptor[] | undefined;
}

/** The entries that rows made from each other have in common, by line, and their lines. */
interface Family {
  readonly entries: Map<string, Descriptor>;
  readonly lines: Map<Descriptor, string>;
}

/** What was added to rows since they were read. */
interface Growth {
  readonly family: Family;
  readonly added: readonly Descriptor[];
}

const growths = new WeakMap<Rows, Growth>();

/** The rows that lines say. */
export function rowsOf(lines: string): Rows {
  return rows(lines, 0, { family: { entries: new Map(), lines: new Map() }, added: [] });
}

/** Entries as lines. */
export function linesOf(entries: readonly Descriptor[]): string {
  return entries.reduce((lines, entry) => withLine(lines, JSON.stringify(entry)), "\n");
}

function rows(text: string, changes: number, growth: Growth): Rows {
  const { family, added } = growth;
  const known = (line: string, entry: Descriptor) => {
    family.entries.set(line, entry);
    family.lines.set(entry, line);
    return entry;
  };
  const entryOf = (line: string) =>
    family.entries.get(line) ?? known(line, parseJson(line) as Descriptor);
  const lineOf = (entry: Descriptor) => {
    const line = family.lines.get(entry) ?? JSON.stringify(entry);
    known(line, entry);
    return line;
  };

  /** What was looked for: the same is, again and again, and each time costs the whole text. */
  const asked = new Map<string, readonly Descriptor[]>();

  const made: Rows = {
    text,
    changes,

    holding(needle) {
      const before = asked.get(needle);
      if (before) return before;
      const found: Descriptor[] = [];
      asked.set(needle, found);
      for (let at = text.indexOf(needle); at >= 0;) {
        const end = text.indexOf("\n", at);
        const line = text.slice(text.lastIndexOf("\n", at) + 1, end);
        found.push(entryOf(line.endsWith(",") ? line.slice(0, -1) : line));
        at = text.indexOf(needle, end);
      }
      return found;
    },

    all() {
      const lines = text.length > 1 ? text.slice(1, -1).split(",\n") : [];
      if (family.entries.size > 0) return lines.map(entryOf);
      const entries = parseJson(`[${lines.join()}]`) as Descriptor[];
      return lines.map((line, at) => known(line, entries[at] as Descriptor));
    },

    edited({ replace = new Map<Descriptor, undefined>(), add = [] }) {
      let edited = text;
      for (const [entry, instead] of replace) {
        const line = lineOf(entry);
        edited = withLineReplaced(edited, line, instead && lineOf(instead));
      }
      for (const entry of add) edited = withLine(edited, lineOf(entry));
      const stay = added.filter((entry) => !replace.has(entry));
      const instead = [...replace.values()].filter((entry) => entry !== undefined);
      return rows(edited, changes + replace.size + add.length, {
        family,
        added: [...stay, ...instead, ...add],
      });
    },

    addedSince(before) {
      const earlier = growths.get(before);
      if (earlier?.family !== family) return undefined;
      return added.filter((entry) => !earlier.added.includes(entry));
    },
  };
  growths.set(made, growth);
  return made;
}

function withLine(text: string, line: string): string {
  return text.length > 1 ? `${text.slice(0, -1)},\n${line}\n` : `\n${line}\n`;
}

/** The text without a line wherever it stands; `instead` takes the first of the places. */
function withLineReplaced(text: string, line: string, instead?: string): string {
  const begin = `\n${line}`;
  let [edited, from, put] = ["", 0, instead];
  for (let at = text.indexOf(begin); at >= 0;) {
    const end = at + begin.length;
    const isLast = text[end] === "\n";
    if (isLast || text.startsWith(",\n", end)) {
      edited += text.slice(from, at);
      if (put !== undefined) edited += `\n${put}`;
      // The last line takes the comma before it along, any other the one behind it.
      else if (isLast && edited.endsWith(",")) edited = edited.slice(0, -1);
      from = isLast || put !== undefined ? end : end + 1;
      put = undefined;
    }
    at = text.indexOf(begin, end);
  }
  return edited + text.slice(from);
}
