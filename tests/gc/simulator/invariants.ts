// What must hold, judged by the store's maps alone.
import { createHash } from "node:crypto";
import { REF_NAME } from "../../../core/mod.ts";
import { contents, rootOf } from "./content.ts";
import type { Ledger } from "./ledger.ts";
import { type Shelf, short } from "./shelf.ts";

interface Entry {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What is listed. */
export function entriesIn({ docs }: Shelf): readonly Entry[] {
  return JSON.parse(docs.get("index.json")?.text ?? `{"manifests":[]}`).manifests;
}

const closures = new Map(contents.map((whole) => [
  rootOf(whole).descriptor.digest as string,
  whole.map(({ descriptor }) => descriptor.digest as string),
]));

/** All that is listed, and all below it. */
export function reachableIn(shelf: Shelf): ReadonlySet<string> {
  return new Set(entriesIn(shelf).flatMap(({ digest }) => closures.get(digest) ?? [digest]));
}

/** Throws if something that is listed is not whole. */
export function assertWhole(shelf: Shelf): void {
  const stored: ReadonlyMap<string, unknown> = shelf.copies;
  for (const { digest, annotations } of entriesIn(shelf)) {
    const lost = (closures.get(digest) ?? [digest]).filter((one) => !stored.has(one));
    if (lost.length === 0) continue;
    const name = annotations?.[REF_NAME] ?? short(digest);
    throw new Error(`"${name}" is not whole: ${lost.map(short).join(", ")} lost`);
  }
}

/** Throws if the bytes of a blob are not those of its name. */
export function assertSound({ copies }: Shelf): void {
  for (const [digest, { bytes }] of copies) {
    const right = `sha256:${createHash("sha256").update(bytes).digest("hex")}` === digest;
    if (!right) throw new Error(`${short(digest)} is damaged`);
  }
}

/** Throws if something is stored that nothing listed reaches. */
export function assertClean(shelf: Shelf): void {
  const reachable = reachableIn(shelf);
  const garbage = [...shelf.copies.keys()].filter((digest) => !reachable.has(digest));
  if (garbage.length > 0) throw new Error(`${garbage.map(short).join(", ")} left uncollected`);
}

/** Throws if a name does not stand for what was acknowledged last. */
export function assertKept(shelf: Shelf, ledger: Ledger): void {
  for (const name of ledger.names) {
    const named = entriesIn(shelf).filter((entry) => entry.annotations?.[REF_NAME] === name);
    if (named.length > 1) throw new Error(`"${name}" is listed ${named.length} times`);
    const complaint = ledger.complaint(name, named[0]?.digest);
    if (complaint !== undefined) throw new Error(complaint);
  }
}
