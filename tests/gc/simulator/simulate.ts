import { collect } from "../../../plugins/gc/collect.ts";
import { DAY, eager } from "../collecting.ts";
import { collectAll } from "./collector.ts";
import { type Chance, chanceOf } from "./chance.ts";
import { contents, rootOf } from "./content.ts";
import { assertClean, assertKept, assertSound, assertWhole, entriesIn } from "./invariants.ts";
import { createLedger } from "./ledger.ts";
import { createShelf, lawful, type Laws } from "./shelf.ts";
import { type Changes, open, type Scenario, type Stage } from "./stage.ts";
import { readOnce } from "./reader.ts";
import { writeAsStranger } from "./stranger.ts";
import { write } from "./writer.ts";
import { calm, type Weather } from "./weather.ts";
import type { Process } from "./process.ts";
import { createWorld } from "./world.ts";

/** One way a run may go. */
export interface Setting {
  readonly laws?: Partial<Laws>;
  readonly weather?: Partial<Weather>;
  readonly scenario?: Partial<Scenario>;
  readonly changes?: Changes;
}

/** What a run came to: nothing broke, or what did and how. */
export interface Result {
  readonly broken?: string;
  readonly history: readonly string[];
}

const HOUR = 3_600_000;

/** Runs all of one seed. */
export async function simulate(seed: number, setting: Setting = {}): Promise<Result> {
  const world = createWorld(seed);
  const chance = chanceOf(seed ^ 0x2f5a);
  const laws = { ...lawful, trash: chance.hit(0.25), ...setting.laws };
  const shelf = createShelf(laws);
  const scenario = { ...scenarioOf(chance, laws), ...setting.scenario };
  const ledger = createLedger(() => world.steps);
  const stage: Stage = { world, shelf, ledger, scenario, changes: {} };
  try {
    await prepare(stage);
    world.weather = { ...weatherOf(chance), ...setting.weather };
    await play({ ...stage, changes: setting.changes ?? {} });
    await tidy(stage);
    return { history: world.history };
  } catch (error) {
    const broken = error instanceof Error ? error.message : `${error}`;
    return { broken, history: world.history };
  }
}

function scenarioOf(chance: Chance, { protocol }: Laws): Scenario {
  const quarantine = chance.one([0, 0, 0, HOUR / 6]);
  const deletes = protocol === "exact" && chance.hit(0.4);
  const skewed = chance.hit(0.3);
  return {
    skewed,
    readers: skewed || deletes || quarantine === 0 ? 0 : 1,
    writers: 2,
    collectors: 2,
    strangers: 0,
    edits: 1 + chance.below(3),
    runs: 1 + chance.below(2),
    deletes,
    threads: chance.one([1, 1, 2, 4]),
    images: chance.one([contents.length, contents.length, 2]),
    pause: chance.one([0, 0, 100_000]),
    drops: chance.hit(0.5),
    undo: chance.hit(0.2),
    grace: chance.one([0, 0, 0, HOUR]),
    quarantine,
  };
}

function weatherOf(chance: Chance): Weather {
  return {
    ...calm,
    faults: chance.one([0, 0, 0.02, 0.08]),
    delays: chance.one([0, 0, 0.02, 0.1]),
    arrivals: chance.one([0.1, 0.03, 0.005]),
    jumps: chance.one([0, 0.005, 0.02]),
    crashes: chance.one([0, 0, 1, 3]),
    order: chance.one(["any", "ranked", "ranked"]),
  };
}

/** Some images are named, one is old garbage, one is there in part, the rest was never pushed. */
async function prepare(stage: Stage): Promise<void> {
  const { world, ledger } = stage;
  world.spawn("setup", 0, async (process) => {
    const layout = await open(stage, process, "writer", true);
    for (const [at, whole] of contents.slice(0, 4).entries()) {
      for (const { descriptor, bytes } of at === 3 ? whole.slice(0, 2) : whole) {
        await layout.push(descriptor, bytes);
      }
      const name = ["main", "pr-1"][at];
      if (name === undefined) continue;
      const { descriptor } = rootOf(whole);
      const values = new Map([[name, descriptor.digest]]);
      const pending = ledger.begin(at === 0 ? values : new Map());
      await layout.tag(descriptor, name);
      pending.confirm(at === 0 ? values : new Map());
    }
  });
  await world.run();
  world.time += 2 * HOUR;
}

/** Writers and collectors at once; whoever dies has a successor. All that is listed is whole at any moment. */
async function play(stage: Stage): Promise<void> {
  const { world, shelf, scenario } = stage;
  world.watch = () => assertWhole(shelf);
  const mains = new Map<string, (process: Process) => Promise<void>>();
  const start = (name: string, main: (process: Process) => Promise<void>) => {
    mains.set(name, main);
    world.spawn(name, scenario.skewed ? world.chance.one([0, -HOUR, HOUR]) : 0, main);
  };
  world.mourn = ({ name }) => {
    const main = mains.get(name);
    if (main) start(`${name}b`, main);
  };
  for (let at = 1; at <= scenario.writers; at++) start(`writer${at}`, (one) => write(stage, one));
  for (let at = 1; at <= scenario.collectors; at++) {
    start(`collector${at}`, (one) => collectAll(stage, one));
  }
  for (let at = 1; at <= scenario.readers; at++) {
    start(`reader${at}`, (one) => readOnce(stage, one));
  }
  for (let at = 1; at <= scenario.strangers; at++) {
    start(`stranger${at}`, (one) => writeAsStranger(stage, one));
  }
  await world.run();
  world.settle();
}

/** When all is quiet: what was acknowledged stands, the next writer succeeds, and two collections leave no garbage. */
async function tidy(stage: Stage): Promise<void> {
  const { world, shelf, ledger } = stage;
  world.weather = calm;
  assertKept(shelf, ledger);
  world.spawn("last writer", 0, async (process) => {
    const layout = await open(stage, process, "writer");
    const whole = world.chance.one(contents);
    for (const { descriptor, bytes } of whole) await layout.push(descriptor, bytes);
    const { descriptor } = rootOf(whole);
    const values = new Map([["last", descriptor.digest]]);
    const pending = ledger.begin(values);
    await layout.tag(descriptor, "last");
    pending.confirm(values);
  });
  await world.run();
  const before = JSON.stringify(entriesIn(shelf));
  for (let round = 1; round <= 2; round++) {
    world.time += DAY;
    world.spawn(`quiet collector ${round}`, 0, async (process) => {
      const layout = await open(stage, process, "collector");
      await collect(layout.store, eager());
    });
    await world.run();
  }
  assertSound(shelf);
  assertWhole(shelf);
  assertKept(shelf, ledger);
  assertClean(shelf);
  if (before !== JSON.stringify(entriesIn(shelf))) throw new Error("a collection has edited names");
}
