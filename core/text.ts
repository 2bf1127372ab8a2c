/** Bytes for people: binary units, one decimal, never the locale. */
export function bytes(count: number): string {
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB"];
  let [value, unit] = [count, "B"];
  for (const larger of units) {
    if (Number(value.toFixed(1)) < 1024) break;
    [value, unit] = [value / 1024, larger];
  }
  return unit === "B" ? `${count} B` : `${value.toFixed(1)} ${unit}`;
}

/** `one reference`, `2 references`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Text with control, escape and bidirectional characters shown as `\u{1b}`. */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** How many cells of a terminal a text takes. */
export function cells(text: string): number {
  let count = 0;
  for (const character of text) {
    if (/\p{Mn}|\p{Me}|\p{Cf}/u.test(character)) continue;
    count += WIDE.test(character) ? 2 : 1;
  }
  return count;
}

/** A text with blanks up to so many cells. */
export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - cells(text)));
}

/** Rows as aligned lines, two blanks between columns, none at the end. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  const shown = rows.map((row) => row.map(visible));
  for (const row of shown) {
    row.forEach((cell, at) => widths[at] = Math.max(widths[at] ?? 0, cells(cell)));
  }
  return shown.map((row) => row.map((cell, at) => pad(cell, widths[at] ?? 0)).join("  ").trimEnd());
}
