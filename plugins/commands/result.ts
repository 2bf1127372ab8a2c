import type { Result, Terminal } from "../../core/basics.ts";
import { visible } from "./text.ts";

/** Lines that are written at once. */
const BATCH = 1000;

/** Writes a result to stdout: one JSON document on a line, or the lines for people. */
export async function writeResult(
  terminal: Terminal,
  json: boolean,
  { schema, ok = true, place, data, lines }: Result,
): Promise<void> {
  if (json) {
    const where = place === undefined ? {} : { place };
    return await terminal.out(`${JSON.stringify({ schema, ok, ...where, ...data })}\n`);
  }
  let batch: string[] = [];
  for (const line of lines) {
    batch.push(`${visible(line)}\n`);
    if (batch.length < BATCH) continue;
    await terminal.out(batch.join(""));
    batch = [];
  }
  if (batch.length > 0) await terminal.out(batch.join(""));
}
