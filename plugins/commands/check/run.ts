import {
  type CommandContext,
  type Descriptor,
  type Digest,
  type ImageIndex,
  isUsable,
  type Layout,
  loadFacts,
  nameOf,
  type Store,
} from "../../../core/mod.ts";
import { markOf, problemOf } from "../problem.ts";
import { plural } from "../text.ts";
import type { Faults } from "./faults.ts";
import { readAll } from "./read_all.ts";
import { readSample, sampled } from "./sample.ts";
import { locate, survey } from "./survey.ts";

/** How much is checked. */
export interface CheckOptions {
  /** Read no layers. */
  readonly fast: boolean;
  /** Read only so much of them. */
  readonly sample: string | undefined;
  readonly seed: number | undefined;
  /** Also what nothing refers to. */
  readonly unreachable: boolean;
  readonly jobs: number;
  readonly rate: number | undefined;
  readonly "keep-going": boolean;
}

/** What was checked. */
export interface Checked {
  readonly references: number;
  readonly blobs: number;
  /** Bytes read. */
  readonly bytes: number;
  /** What the sample was made with. */
  readonly seed?: number;
}

/** What the checks of one run share. */
export interface Check {
  readonly context: Pick<CommandContext, "clock" | "signal" | "onEvent">;
  readonly layout: Layout;
  readonly faults: Faults;
  readonly options: CheckOptions;
}

/** Missing blobs of a sparse layout that are listed one by one. */
const MOST_NAMED = 1_000;

/** Checks what `only` reaches, or all that the index lists. */
export async function checkLayout(
  { context, layout, faults, options }: Check,
  only: Descriptor | undefined,
): Promise<Checked> {
  const { store } = layout;
  const { "keep-going": keepGoing, sample, fast } = options;
  const roots = only ? [only] : checkIndex(await store.root.load(), faults);
  const stored = only ? undefined : await listed(store);
  const { nodes, leaves, missing } = await survey(store, roots, { faults, stored, keepGoing });
  if (missing.size > 0) {
    const message = `${plural(missing.size, "blob")} not stored, as may be in a sparse layout`;
    faults.warn({ code: "sparse", message });
    for (const digest of [...missing].slice(0, MOST_NAMED)) {
      faults.warn({ code: "sparse", message: `Not stored: ${digest}`, digest });
    }
  }
  const strangers = new Map<Digest, number>();
  if (options.unreachable) {
    for (const [digest, size] of stored ?? await listed(store)) {
      if (!nodes.has(digest) && !leaves.has(digest)) strangers.set(digest, size);
    }
  }
  const all = new Map([...leaves, ...strangers]);
  const seed = options.seed ?? Math.floor(context.clock.random() * 1e9) + 1;
  const chosen = fast
    ? new Map<Digest, number>()
    : sample === undefined
    ? all
    : sampled(all, readSample(sample), seed);
  const bytes = await readAll({ context, layout, faults, options }, chosen, nodes);
  await locate(store, roots, faults);
  for (const notice of layout.notices) {
    if (notice.code !== "unusable_entry") faults.warn(problemOf(notice));
  }
  for (const mark of markOf(await loadFacts(store.backend.docs))) faults.warn(mark);
  return {
    references: roots.length,
    blobs: new Set([...nodes.keys(), ...all.keys()]).size,
    bytes,
    ...(sample === undefined ? {} : { seed }),
  };
}

/** The entries that can be checked; what is wrong with the index itself is told. */
function checkIndex({ manifests }: ImageIndex, faults: Faults): Descriptor[] {
  const named = new Map<string, Digest>();
  manifests.forEach((entry, at) => {
    if (!isUsable(entry)) {
      const message = `entry ${at + 1} of the index is no descriptor`;
      return faults.add({ code: "invalid", message });
    }
    const name = nameOf(entry);
    if (name === undefined) return;
    const other = named.get(name);
    named.set(name, entry.digest);
    if (other === undefined || other === entry.digest || entry.platform) return;
    const message = `"${name}" names ${other} and ${entry.digest}`;
    faults.warn({ code: "ambiguous", message, name });
  });
  return manifests.filter(isUsable);
}

async function listed({ backend }: Store): Promise<Map<Digest, number>> {
  const sizes = new Map<Digest, number>();
  for await (const { digest, size } of backend.blobs.list()) sizes.set(digest, size);
  return sizes;
}
