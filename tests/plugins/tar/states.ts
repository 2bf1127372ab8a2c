// All that a crash or a torn write can leave of an archive while something is appended to it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "../../contract/suite.ts";
import { put } from "../../contract/suite.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { openAt } from "./archives.ts";

/** An archive as it may be found, and which of the two indexes it must give. */
export interface State {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly index: string;
}

const SECTOR = 512;

/** What a file was at each step of an append; the last is what it is in the end. */
export async function stepsOfAppend() {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.tar");
  const steps: { name: string; bytes: Uint8Array }[] = [];
  let watching = false;
  const note = (name: string) =>
    void (watching && steps.push({ name, bytes: new Uint8Array(readFileSync(path)) }));
  await using store = await openAt(path, { durability: "full" }, { onStep: note });
  await store.docs.swap("oci-layout", '{"imageLayoutVersion":"1.0.0"}', undefined);
  await put(store, utf8("what was there before"));
  const before = '{"schemaVersion":2,"manifests":[],"annotations":{"of":"before"}}';
  const seen = await store.docs.swap("index.json", before, undefined);
  await put(store, utf8("what is added"));
  await put(store, utf8("x".repeat(700)), `sha512:${"ab".repeat(64)}`);
  const after = '{"schemaVersion":2,"manifests":[],"annotations":{"of":"after"}}';
  watching = true;
  await store.docs.swap("index.json", after, seen);
  note("the end");
  return { steps, before, after };
}

/** The first and the last byte in which two files differ; the shorter one counts as followed by nothing. */
export function difference(a: Uint8Array, b: Uint8Array): { from: number; to: number } | undefined {
  const length = Math.max(a.length, b.length);
  let from = 0;
  while (from < length && a[from] === b[from]) from++;
  if (from === length) return undefined;
  let to = length;
  while (a[to - 1] === b[to - 1]) to--;
  return { from, to };
}

/**
 * Every step, and of each step that changes more than one sector what a write leaves that was torn after every
 * `stride`-th byte, from either end. A change within one sector is there or not: so a disk writes.
 */
export async function* tornStates(stride: number): AsyncGenerator<State> {
  const { steps, before, after } = await stepsOfAppend();
  const committed = steps.findIndex(({ name }) => name === "sync commit");
  for (const [at, { name, bytes }] of steps.entries()) {
    const index = at < committed ? before : after;
    yield { name, bytes, index };
    const next = steps[at + 1]?.bytes ?? bytes;
    const range = difference(bytes, next);
    if (!range || isOneSector(range)) continue;
    for (let cut = range.from; cut < range.to; cut += stride) {
      const torn = new Uint8Array(Math.max(cut, bytes.length));
      torn.set(bytes);
      torn.set(next.subarray(0, cut));
      yield { name: `${name}, torn at ${cut}`, bytes: torn, index };
      if (next.length < bytes.length) continue;
      const hole = new Uint8Array(next);
      hole.set(bytes.slice(range.from, cut), range.from);
      if (cut > bytes.length) hole.fill(0, Math.max(range.from, bytes.length), cut);
      yield { name: `${name}, its end first at ${cut}`, bytes: hole, index };
    }
  }
}

/** Whether a change lies within one sector. */
export function isOneSector({ from, to }: { from: number; to: number }): boolean {
  return Math.floor(from / SECTOR) === Math.floor((to - 1) / SECTOR);
}
