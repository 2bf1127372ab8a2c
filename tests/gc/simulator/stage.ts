// What the processes of a run share, and how each opens the layout.
import { type Backend, Layout, openLayout, type Store } from "../../../core/mod.ts";
import type { CollectOptions } from "../../../plugins/gc/collect.ts";
import type { Ledger } from "./ledger.ts";
import type { Shelf } from "./shelf.ts";
import { backendOf } from "./store.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** What a process is for. */
export type Role = "writer" | "collector" | "reader";

/** How a process is changed: nothing of it in a run that must hold. */
export interface Changes {
  readonly backend?: (backend: Backend, role: Role) => Backend;
  readonly store?: (store: Store, role: Role) => Store;
  readonly options?: (options: CollectOptions) => CollectOptions;
}

/** What happens in a run. */
export interface Scenario {
  readonly writers: number;
  readonly collectors: number;
  /** Edits of each writer. */
  readonly edits: number;
  /** Collections of each collector. */
  readonly runs: number;
  /** Whether writers delete blobs, where the store can tell copies apart. */
  readonly deletes: boolean;
  /** What a process does at once; with more than one, collectors write too. */
  readonly threads: number;
  /** How many images there are to push. */
  readonly images: number;
  /** The longest that a process waits before it begins. */
  readonly pause: number;
  /** Whether collectors take back what they did. */
  readonly undo: boolean;
  /** Whether collectors drop the names that begin with `pr-`. */
  readonly drops: boolean;
  readonly grace: number;
  readonly quarantine: number;
  /** Whether the wall clocks of processes disagree. */
  readonly skewed: boolean;
  /** Processes that read what they have resolved before. */
  readonly readers: number;
  /** Programs that write the index and know nothing of collections. */
  readonly strangers: number;
}

/** What the processes of a run share. */
export interface Stage {
  readonly world: World;
  readonly shelf: Shelf;
  readonly ledger: Ledger;
  readonly scenario: Scenario;
  readonly changes: Changes;
}

/** Opens the layout as a process does. */
export async function open(stage: Stage, process: Process, role: Role, create = false) {
  const { world, shelf, changes } = stage;
  const plain = backendOf(world, shelf, process);
  const backend = changes.backend?.(plain, role) ?? plain;
  const mode = create ? "create" : role === "reader" ? "read" : "write";
  const { store } = await openLayout(backend, { mode, clock: process.clock });
  return new Layout(changes.store?.(store, role) ?? store, []);
}
