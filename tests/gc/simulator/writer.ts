// Writers: what they do, and what they are told goes to the ledger.
import { type Descriptor, isOciError, type Layout, messageOf, nameOf } from "../../../core/mod.ts";
import { contents, rootOf, type Whole } from "./content.ts";
import { ANY, type Value } from "./ledger.ts";
import { open, type Stage } from "./stage.ts";
import type { Process } from "./process.ts";

/** Names of which nothing is promised: a policy with drops lets them go, or programs of others set them. */
const DROPPED = /^(pr|theirs)-/;
/** The names that writers set. */
export const NAMES = ["main", "v1", "v2", "pr-1", "pr-2"];
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
      // Whatever names the digest goes with it.
      const maybe = new Map([...NAMES, ...ledger.names].map((one): [string, Value] => [one, ANY]));
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
