import { cells } from "../../core/basics.ts";

export { bytes, cells, columns, pad, plural, visible } from "../../core/basics.ts";

/** Seconds for people. */
export function seconds(count: number): string {
  if (count < 60) return `${count.toFixed(1)} s`;
  const whole = Math.round(count);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
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
