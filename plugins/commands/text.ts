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

/** Seconds for people. */
export function seconds(count: number): string {
  if (count < 60) return `${count.toFixed(1)} s`;
  const whole = Math.round(count);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
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

/** The beginning of a text that fits into so many cells. */
export function clip(text: string, width: number): string {
  if (cells(text) <= width) return text;
  let kept = "";
  for (const character of text) {
    if (cells(kept + character) > width) break;
    kept += character;
  }
  return kept;
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

/** Text cut into lines of at most so many cells, at blanks. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && cells(line) + 1 + cells(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
