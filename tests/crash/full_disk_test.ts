// A disk that is full at one step of what is done, and has room again afterwards.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isOciError } from "../../core/mod.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { besideOf, isLocked, openAt } from "./places.ts";
import { assertSound, namesIn, push, scenarios } from "./scenarios.ts";

const full = () =>
  Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

/** Lets the disk be full at the n-th step; false if there are fewer. */
async function fillAt(name: string, n: number): Promise<boolean> {
  const scenario = scenarios[name];
  assert.ok(scenario);
  using folder = temporaryFolder();
  const path = join(folder.path, "place.tar");
  if (scenario.prepare) await scenario.prepare(await openAt(path), path);
  const told: string[] = [];
  let [steps, at] = [0, ""];
  const store = await openAt(path, {}, {
    onStep(name) {
      if (++steps !== n) return;
      at = name;
      throw full();
    },
  });
  try {
    await scenario.run(store, path, (name) => told.push(name));
  } catch (error) {
    if (!isOciError(error, "unavailable")) throw error;
    assert.match(error.message, /make room there and try again$/, at);
  }
  try {
    const tmp = join(besideOf(path), "tmp");
    assert.deepEqual(existsSync(tmp) ? readdirSync(tmp) : [], []);
    const later = await openAt(path);
    await push(later, "after");
    const names = await namesIn(later);
    for (const name of ["after", ...told]) assert.ok(names[name], `"${name}" is lost`);
    await scenario.check?.(later);
    await assertSound(later);
    assert.equal(isLocked(path), false);
  } catch (cause) {
    throw new Error(`Full at "${at}" (step ${n})`, { cause });
  }
  return at !== "";
}

/** What is done beside an archive is done as in a directory. */
const isOwn = (name: string) =>
  name.endsWith(" a missing place") || name === "a push" || name.endsWith("in an archive");

for (const name of Object.keys(scenarios).filter(isOwn)) {
  test(`full at any step of ${name}, a disk loses nothing, and no scrap is left`, async () => {
    let n = 1;
    while (await fillAt(name, n)) n++;
    assert.ok(n > 1, "no step was taken");
  });
}
