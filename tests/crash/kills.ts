import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { moment } from "../contract/suite.ts";
import { type Runtime, runtimes, startProgram } from "../runtimes.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { isLocked, openAt } from "./places.ts";
import { assertSound, namesIn, push, scenarios } from "./scenarios.ts";

/** With STOWAGE_TEST_CRASH=all each step is tried under each runtime, else they take turns. */
const THOROUGH = process.env.STOWAGE_TEST_CRASH === "all";
/** An archive is locked for longer at a time than a directory. */
const staleFor = (path: string) => path.endsWith(".tar") ? 5_000 : 2_000;
/** A lock is touched up to a second ahead; the rest is for a busy machine. */
const SLACK = 6_000;
const AT_ONCE = 12;
const LONG = { timeout: 300_000 };

/** At most so many at a time. */
function limited(most: number) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T> => {
    while (running >= most) await new Promise<void>((go) => waiting.push(go));
    running++;
    try {
      return await work();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}
const slot = limited(AT_ONCE);

/** Runs the worker until `until` answers true for what it has said, then kills it; what it said comes back. */
async function worker(
  runtime: Runtime,
  path: string,
  scenario: string,
  step: number,
  until: (said: readonly string[]) => boolean | Promise<boolean>,
): Promise<readonly string[]> {
  const args = [path, scenario, String(step), String(staleFor(path))];
  const child = startProgram(runtime, new URL("./worker.ts", import.meta.url), args);
  let out = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => out += text);
  const ended = new Promise<void>((done) => void child.once("close", () => done()));
  const said = () => out.split("\n").slice(0, -1);
  while (child.exitCode === null && !await until(said())) await moment(5);
  child.kill("SIGKILL");
  await ended;
  return said();
}

const toldIn = (said: readonly string[]) =>
  said.filter((line) => line.startsWith("told ")).map((line) => line.slice(5));

/** What must hold after any kill: the next writer succeeds unaided, and nothing that was told is lost. */
async function assertUsable(path: string, told: readonly string[]) {
  const stale = staleFor(path);
  const store = await openAt(path, {}, { stale });
  const start = performance.now();
  await push(store, "after");
  const took = performance.now() - start;
  assert.ok(took < stale + SLACK, `the next push took ${Math.round(took)} ms`);
  const names = await namesIn(store);
  for (const name of ["after", ...told]) assert.ok(names[name], `"${name}" is lost`);
  await assertSound(store);
  assert.equal(isLocked(path), false);
  return store;
}

/** Kills the worker before its n-th step; false if it has fewer. */
async function kill(place: string, name: string, step: number, runtime: Runtime): Promise<boolean> {
  const scenario = scenarios[name];
  assert.ok(scenario);
  using folder = temporaryFolder();
  const path = join(folder.path, place);
  if (scenario.prepare) await scenario.prepare(await openAt(path), path);
  const said = await worker(runtime, path, name, step, (said) => {
    return said.some((line) => line.startsWith("at "));
  });
  const at = said.find((line) => line.startsWith("at "));
  if (at === undefined) assert.equal(said.at(-1), "done");
  try {
    const store = await assertUsable(path, toldIn(said));
    await scenario.check?.(store);
    await assertSound(store);
  } catch (cause) {
    throw new Error(`Killed ${at ?? "after the end"} (step ${step}, ${runtime.name})`, { cause });
  }
  return at !== undefined;
}

/** Kills a scenario at each of its steps. */
async function killAtEach(place: string, name: string): Promise<number> {
  const [first] = runtimes;
  assert.ok(first);
  const steps = await slot(async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, place);
    const scenario = scenarios[name];
    if (scenario?.prepare) await scenario.prepare(await openAt(path), path);
    const said = await worker(first, path, name, 0, () => false);
    assert.equal(said.at(-1), "done");
    return said.filter((line) => line.startsWith("step ")).length;
  });
  const kills = Array.from({ length: steps + 1 }, (_, n) => n + 1).flatMap((step) => {
    const turn = runtimes[step % runtimes.length] ?? first;
    return (THOROUGH ? runtimes : [turn]).map((runtime) =>
      slot(() => kill(place, name, step, runtime))
    );
  });
  return (await Promise.all(kills)).filter((killed) => killed).length;
}

/** Kills at each step of scenarios in places of that file name, and at any moment. */
export function crashes(place: string, names: readonly string[]): void {
  // All at once: most of the time is spent waiting for locks to become stale.
  let all: Map<string, Promise<number>> | undefined;
  const started = (name: string): Promise<number> => {
    all ??= new Map(names.map((name) => {
      const kills = killAtEach(place, name);
      kills.catch(() => {}); // Told by its own test.
      return [name, kills];
    }));
    return all.get(name) ?? Promise.resolve(0);
  };

  for (const name of names) {
    test(
      `killed before any step of ${name}, the next writer succeeds and nothing is lost`,
      LONG,
      async () => {
        assert.ok(await started(name) > 0, "nobody was killed");
      },
    );
  }

  test(
    "killed at any moment, three writers at a time, again and again: no name told is lost",
    LONG,
    async () => {
      await Promise.all([1, 2, 3].map(async () => {
        using folder = temporaryFolder();
        const path = join(folder.path, place);
        const told: string[] = [];
        for (let round = 0; round < 3; round++) {
          const said = await Promise.all([0, 1, 2].map((n) => {
            const runtime = runtimes[(round + n) % runtimes.length];
            assert.ok(runtime);
            const more = Math.floor(Math.random() * 6);
            return worker(runtime, path, `writer-${round}${n}`, -1, async (said) => {
              await moment(Math.random() * 10);
              return toldIn(said).length > more;
            });
          }));
          told.push(...said.flatMap(toldIn));
          await assertUsable(path, told);
        }
        assert.ok(told.length >= 9);
      }));
    },
  );
}
