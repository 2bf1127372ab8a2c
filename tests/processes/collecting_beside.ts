// Writers and collectors in processes of their own, in any place that a URL names: what must hold beside each other, and
// after any of them was killed.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { describe, it } from "node:test";
import { createRegistry, type Layout, openLayout, type OpenLayoutOptions } from "../../core/mod.ts";
import { builtins } from "../../mod.ts";
import { collect, type Collected } from "../../plugins/gc/collect.ts";
import { moment } from "../contract/suite.ts";
import { aheadBy, DAY, eager } from "../gc/collecting.ts";
import { type Runtime, runtimes, startProgram } from "../runtimes.ts";

/** Seconds that writers and a collector work beside each other. */
const SECONDS = Number(process.env["STOWAGE_TEST_GC_SECONDS"] ?? 6);
/** Processes that are killed. */
const KILLS = Number(process.env["STOWAGE_TEST_GC_KILLS"] ?? 10);
/** Of these, as many in one place: there, all wait for the lock of a dead one. */
const KILLS_A_PLACE = 25;
const WRITERS = 6;
const LONG = { timeout: 60_000 + SECONDS * 10_000 + KILLS * 6_000 };

/** A place that other processes reach as well; it is made anew, and gone in the end. */
export interface SharedPlace extends AsyncDisposable {
  /** What programs of the tests open it by. */
  readonly url: string;
  /** What is there and must not be, once the last collection is over: a line for each. */
  leftovers(): Promise<readonly string[]>;
}

/** What a program has said so far. */
interface Told {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  readonly ended: Promise<number | null>;
}

/** Processes that end with their scope, however that ends. */
function startIn(scope: AsyncDisposableStack) {
  return (turn: number, program: string, args: readonly string[]): Told => {
    const told = start(turn, program, args);
    scope.defer(async () => {
      if (told.child.exitCode === null) told.child.kill("SIGKILL");
      await told.ended;
    });
    return told;
  };
}

function start(turn: number, program: string, args: readonly string[]): Told {
  const runtime: Runtime | undefined = runtimes[turn % runtimes.length];
  assert.ok(runtime);
  const child = startProgram(runtime, new URL(program, import.meta.url), args);
  const lines: string[] = [];
  let rest = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { child, lines, ended };
}

/** What the names of a writer may stand for, once it is gone: of its last change nobody may have been told. */
function heldBy(lines: readonly string[]): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const line of lines) {
    const [word, name = "", digest = ""] = line.split(" ");
    if (word === "did") names.set(name, new Set([digest]));
    if (word === "try") names.set(name, new Set([...names.get(name) ?? ["-"], digest]));
  }
  return names;
}

async function open(url: string, options: OpenLayoutOptions): Promise<Layout> {
  const registry = createRegistry(builtins);
  return await openLayout(url, { mode: "write", wait: 60_000, registry, ...options });
}

/** The collection that ends all: two days later, so that whatever a dead process has left is given up. */
async function collectLast(url: string): Promise<Collected> {
  await using layout = await open(url, { clock: aheadBy(2 * DAY) });
  return await collect(layout.store, eager({ trash: 0 }));
}

/** Throws unless every name stands for what was acknowledged, all bytes are right, and nothing else is stored. */
async function assertKept(url: string, writers: readonly (readonly string[])[]): Promise<number> {
  await using layout = await open(url, {});
  const index = await layout.index();
  const listed = new Map((await layout.references()).map(({ name, descriptor }) => {
    return [name, descriptor.digest] as const;
  }));
  let names = 0;
  for (const [name, digests] of writers.flatMap((lines) => [...heldBy(lines)])) {
    const found = listed.get(name) ?? "-";
    assert.ok(digests.has(found), `"${name}" is ${found}, not ${[...digests].join(" or ")}`);
    if (found !== "-") names++;
    listed.delete(name);
  }
  assert.deepEqual([...listed.keys()], [], "names that nobody has set");
  const needed = new Set<string>();
  for (const entry of index.manifests) {
    needed.add(entry.digest);
    const children = await layout.children(entry);
    assert.equal(children.length, 3);
    for (const { digest } of children) needed.add(digest);
  }
  for (const digest of needed) await layout.fetchAll(digest);
  const stored = await Array.fromAsync(layout.walk(), ({ digest }) => digest);
  assert.deepEqual(stored.sort(), [...needed].sort(), "what is stored is what is needed");
  return names;
}

async function assertTidy(place: SharedPlace, writers: readonly (readonly string[])[]) {
  const { damaged, failed, stopped } = await collectLast(place.url);
  assert.deepEqual([damaged, failed, stopped], [[], [], undefined]);
  const names = await assertKept(place.url, writers);
  assert.deepEqual(await place.leftovers(), []);
  return names;
}

const count = (lines: readonly string[], word: string) =>
  lines.filter((line) => line.startsWith(`${word} `)).length;

/** Writers and a collector of both runtimes, until their time is over. */
async function beside(place: SharedPlace): Promise<void> {
  await using scope = new AsyncDisposableStack();
  const start = startIn(scope);
  const writers = Array.from(
    { length: WRITERS },
    (_, n) => start(n, "./gc_writer.ts", [place.url, `w${n}`, `${SECONDS}`]),
  );
  // Until the last writer is done.
  const collector = start(1, "./gc_collector.ts", [place.url, `${SECONDS + 1}`]);
  const codes = await Promise.all([...writers, collector].map(({ ended }) => ended));
  const lost = writers.flatMap(({ lines }) => lines.filter((line) => line.startsWith("lost ")));
  assert.deepEqual(lost, []);
  assert.deepEqual(codes, codes.map(() => 0));
  for (const { lines } of writers) assert.ok(count(lines, "did") > 0, "a writer did nothing");
  const removed = collector.lines.map((line) => Number(/^removed (\d+)/.exec(line)?.[1] ?? 0));
  assert.ok(
    removed.some((number) => number > 0),
    `nothing was collected meanwhile: ${collector.lines.join(", ")}`,
  );
  assert.ok(await assertTidy(place, writers.map(({ lines }) => lines)) > 0);
}

/** The same, each of them killed at any moment and started anew, until so many were. */
async function killed(place: SharedPlace, most: number): Promise<void> {
  await using scope = new AsyncDisposableStack();
  const start = startIn(scope);
  const writers: Told[] = [];
  let kills = 0;
  let changes = 0;
  const life = async (slot: number): Promise<void> => {
    for (let turn = 0; kills < most; turn++) {
      const [who, ...args] = slot < 4
        ? ["./gc_writer.ts", place.url, `w${slot}.${turn}`, "600"]
        : ["./gc_collector.ts", place.url, "600"];
      const told = start(slot + turn, who ?? "", args);
      if (slot < 4) writers.push(told);
      // Busy by then; what it does next is anybody's guess.
      const busy = () => told.lines.length > 1 + Math.random() * 10;
      while (told.child.exitCode === null && !busy()) await moment(5);
      await moment(Math.random() * 300);
      assert.equal(told.child.exitCode, null, `${who} has ended: ${told.lines.slice(-3)}`);
      told.child.kill("SIGKILL");
      await told.ended;
      kills++;
      changes += count(told.lines, "did");
    }
  };
  await Promise.all([0, 1, 2, 3, 4, 5].map(life));
  assert.ok(kills >= most && changes > 0, "nobody has done anything");
  await assertTidy(place, writers.map(({ lines }) => lines));
}

/** The same in several places at once, so that the dead of one do not hold up all. */
async function killedIn(make: () => Promise<SharedPlace>): Promise<void> {
  const places = Math.ceil(KILLS / KILLS_A_PLACE);
  const one = async () => {
    await using place = await make();
    await killed(place, Math.ceil(KILLS / places));
  };
  await Promise.all(Array.from({ length: places }, one));
}

/** Describes what holds in every kind of place that several processes may share. */
export function collectsBesideOthers(kind: string, make: () => Promise<SharedPlace>): void {
  const which = runtimes.map(({ name }) => name).join(" and ");
  describe(`collecting beside others, ${kind}`, () => {
    it(
      `${WRITERS} writers of ${which} beside a collector for ${SECONDS} s: every name whole, nothing else left`,
      LONG,
      async () => {
        await using place = await make();
        await beside(place);
      },
    );

    it(
      `${KILLS} writers and collectors of ${which} killed at any moment: every name whole, nothing else left`,
      LONG,
      () => killedIn(make),
    );
  });
}
