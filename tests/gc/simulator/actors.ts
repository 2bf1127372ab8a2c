// Who takes part: writers and collectors, each a process of its own that runs the real code.
import {
  type Backend,
  type Descriptor,
  isOciError,
  Layout,
  messageOf,
  nameOf,
  openLayout,
  type Store,
} from "../../../core/mod.ts";
import { collect, type CollectOptions } from "../../../plugins/gc/collect.ts";
import { keepAll } from "../../../plugins/gc/policy.ts";
import { undo } from "../../../plugins/gc/undo.ts";
import { DAY, eager } from "../collecting.ts";
import { contents, rootOf, type Whole } from "./content.ts";
import { ANY, type Ledger, type Value } from "./ledger.ts";
import { APART, backendOf, type Shelf } from "./store.ts";
import type { Process, World } from "./world.ts";

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

/** Names that a policy with drops lets go: nothing is promised of them. */
const DROPPED = /^pr-/;
const NAMES = ["main", "v1", "v2", "pr-1", "pr-2"];
/** How an operation may fail beside others, and in bad weather. */
const FAIR = ["not_found", "conflict", "unavailable", "already_exists", "refused"] as const;

/** Begins an edit of names; its answer goes to the ledger. */
async function edit(
  { ledger, world }: Stage,
  values: ReadonlyMap<string, Value>,
  act: () => Promise<ReadonlyMap<string, Value>>,
): Promise<void> {
  const promised = (all: ReadonlyMap<string, Value>) =>
    new Map([...all].filter(([name]) => !DROPPED.test(name)));
  const pending = ledger.begin(promised(values));
  const names = [...values.keys()].join(", ");
  world.note(`begins an edit of ${names}`);
  try {
    const told = await act();
    world.note(
      `has edited ${[...told].map(([name, value]) => `${name}: ${String(value)}`).join()}`,
    );
    pending.confirm(promised(told));
  } catch (error) {
    world.note(`has not edited ${names}: ${messageOf(error)}`);
    if (!isOciError(error, ...FAIR)) throw error;
    if (error.code !== "unavailable") pending.withdraw();
  }
}

function valuesOf(entries: readonly Descriptor[], value?: string): Map<string, Value> {
  return new Map(entries.flatMap((entry) => {
    const name = nameOf(entry);
    return name === undefined ? [] : [[name, value ?? undefined]];
  }));
}

async function push(layout: Layout, whole: Whole): Promise<void> {
  for (const { descriptor, bytes } of whole) await layout.push(descriptor, bytes);
}

/** Whether what was stored or adopted so long ago must still be there, named or not. */
function isGraced({ scenario: { grace, skewed, deletes }, shelf: { laws } }: Stage, ms: number) {
  return ms < grace && !skewed && !deletes && laws.protocol === "exact";
}

/** One thing that a writer does. */
export async function editOnce(stage: Stage, layout: Layout, process: Process): Promise<void> {
  const { world, ledger, scenario } = stage;
  const { chance } = world;
  const whole = chance.one(contents.slice(-scenario.images));
  const { descriptor } = rootOf(whole);
  const { digest } = descriptor;
  const name = chance.one(NAMES);
  const fresh = `only-${ledger.names.size}-${process.name}`;
  const set = (name: string) => new Map([[name, digest]]);
  const publish = async () => {
    const start = world.time;
    await push(layout, whole);
    try {
      await layout.tag(descriptor, name);
    } catch (error) {
      const gone = isOciError(error, "not_found") && isGraced(stage, world.time - start);
      throw gone ? new Error(`what was just pushed is gone: ${error.message}`) : error;
    }
    return set(name);
  };
  const acts: readonly (() => Promise<void>)[] = [
    () => edit(stage, set(name), publish),
    () => edit(stage, set(name), publish),
    () =>
      edit(stage, set(fresh), async () => {
        await push(layout, whole);
        try {
          await layout.tag(descriptor, fresh, { expect: null });
        } catch (error) {
          // Nobody else sets this name.
          if (isOciError(error, "already_exists")) throw new Error(error.message);
          throw error;
        }
        return set(fresh);
      }),
    () => edit(stage, set(name), async () => (await layout.tag(descriptor, name), set(name))),
    () => {
      const target = chance.one(NAMES);
      return edit(stage, new Map([[name, ANY]]), async () => {
        const [entry] = await layout.tag(target, name);
        return new Map([[name, entry?.digest]]);
      });
    },
    () => edit(stage, new Map([[name, undefined]]), async () => valuesOf(await layout.untag(name))),
    () => edit(stage, new Map([[name, undefined]]), async () => valuesOf(await layout.untag(name))),
    () => edit(stage, new Map(), async () => (await push(layout, whole), new Map())),
    () => {
      if (!scenario.deletes) return Promise.resolve();
      const maybe = new Map(NAMES.map((one): [string, Value] => [one, ANY]));
      return edit(stage, maybe, async () => valuesOf((await layout.delete(digest)).entries));
    },
  ];
  await chance.one(acts)();
}

/** A writer: a few edits, one after another, or two at once. */
export async function write(stage: Stage, process: Process): Promise<void> {
  const { world: { chance }, scenario } = stage;
  try {
    const layout = await open(stage, process, "writer");
    await process.clock.sleep(chance.below(1 + scenario.pause));
    for (let left = scenario.edits; left > 0; left--) {
      const threads = Array.from({ length: 1 + chance.below(scenario.threads) });
      await Promise.all(threads.map(() => editOnce(stage, layout, process)));
    }
  } catch (error) {
    if (!isOciError(error, "unavailable")) throw error;
  }
}

/** A reader: resolves a name, and reads all it stands for within the quarantine. */
export async function readOnce(stage: Stage, process: Process): Promise<void> {
  const { world, scenario: { quarantine } } = stage;
  try {
    const layout = await open(stage, process, "reader");
    await process.clock.sleep(world.chance.below(quarantine));
    const start = world.time;
    const { digest } = await layout.resolve(world.chance.one(NAMES));
    const whole = contents.find((one) => rootOf(one).descriptor.digest === digest) ?? [];
    await process.clock.sleep(world.chance.below(quarantine));
    for (const { descriptor } of whole) {
      const there = await layout.exists(descriptor.digest);
      if (there || world.time - start > quarantine - APART) continue;
      throw new Error(`${descriptor.digest} was taken from a reader`);
    }
  } catch (error) {
    if (!isOciError(error, "unavailable", "not_found")) throw error;
  }
}

/** How a scenario collects. */
export function optionsOf({ scenario, changes }: Stage, more: Partial<CollectOptions> = {}) {
  const { grace, quarantine, drops } = scenario;
  const rules = drops ? [{ refs: ["pr-*"] }] : [];
  const policy = { ...keepAll, maxDrop: 100, rules };
  const options = eager({ policy, grace, quarantine, trash: DAY, ...more });
  return changes.options?.(options) ?? options;
}

/** A collector: a few runs, with pauses between them. */
export async function collectAll(stage: Stage, process: Process): Promise<void> {
  const { world: { chance }, scenario } = stage;
  const layout = await openAnyhow(stage, process);
  if (!layout) return;
  await process.clock.sleep(chance.below(1 + scenario.pause));
  for (let left = scenario.runs; left > 0; left--) {
    const beside = Array.from({ length: chance.below(scenario.threads) });
    const edits = beside.map(() => editOnce(stage, layout, process));
    await Promise.all([collectOnce(stage, layout), ...edits]);
    await process.clock.sleep(chance.one([0, 1_000, 70_000, scenario.quarantine + 1]));
  }
}

async function openAnyhow(stage: Stage, process: Process): Promise<Layout | undefined> {
  try {
    return await open(stage, process, "collector");
  } catch (error) {
    if (isOciError(error, "unavailable")) return undefined;
    throw error;
  }
}

async function collectOnce(stage: Stage, { store }: Layout): Promise<void> {
  try {
    if (stage.scenario.undo && stage.world.chance.hit(0.4)) return void await undo(store);
    const { damaged } = await collect(store, optionsOf(stage));
    if (damaged.length > 0) throw new Error(`the collector reports damage: ${damaged.join(", ")}`);
  } catch (error) {
    if (!isOciError(error, "conflict", "unavailable", "not_found")) throw error;
  }
}
