import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { entriesIn, snapshot } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";
import { assertTidy, tellStory } from "./story.ts";

/** The names of a layout, each with its digest. */
function namesIn(place: string): Record<string, string> {
  return Object.fromEntries(entriesIn(place).map(({ name, digest }) => [name ?? "", digest]));
}

test("tag sets several names at once, whatever the target is called by, and says what they were", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    const { image, solo, other } = await tellStory(place);
    const first = await stowage(["tag", "./store:v1", "stable", "reg.example/app:1.0"], { cwd });
    assert.equal(first.code, 0, first.err);
    assert.deepEqual(first.lines, [`./store:stable@${image}`, `./store@${image}`]);
    const second = await stowage(["tag", `./store@${solo}`, "stable", "fresh", "--json"], { cwd });
    assert.deepEqual(second.json(), {
      schema: "stowage.tag/1",
      ok: true,
      place: "./store",
      digest: solo,
      set: [{ name: "stable", previous: image }, { name: "fresh" }],
    });
    const child = await stowage(["tag", `./store@${other}`, "arm"], { cwd });
    assert.deepEqual(child.lines, [`./store:arm@${other}`], child.err);
    const { stable, fresh, arm, v1 } = namesIn(place);
    assert.deepEqual([stable, fresh, arm, v1], [solo, solo, other, image]);
  }));

test("a name is set only as expected; a wrong one, an absent target and a dry run write nothing", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    const { image, solo } = await tellStory(place);
    const before = snapshot(place);
    const run = (...args: string[]) => stowage(["tag", ...args], { cwd });
    const moved = await run("./store:solo", "v1", "--expect", solo);
    assert.equal(moved.code, 4, moved.err);
    assert.match(
      moved.err,
      new RegExp(`Cannot set "v1": it names ${image}, not ${solo} {2}\\[conflict\\]`),
    );
    assert.equal((await run("./store:solo", "v1", "--expect", "none")).code, 4);
    assert.equal((await run("./store:v1", "no name")).code, 64);
    const absent = await run("./store:lates", "v3");
    assert.equal(absent.code, 2, absent.err);
    assert.match(absent.err, /did you mean "latest"\?\n.*stowage list \.\/store/s);
    const dry = await run("./store:solo", "v1", "--dry-run");
    assert.deepEqual([dry.code, dry.out], [0, `./store:v1@${solo}\n`], dry.err);
    assert.deepEqual(snapshot(place), before);
    assert.equal((await run("./store:solo", "v1", "--expect", image)).code, 0);
    assert.equal(namesIn(place)["v1"], solo);
  }));

test("untag drops names in one step, or none; what is pinned only from its digest", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    const { image, multi, solo } = await tellStory(place);
    const before = snapshot(place);
    const run = (...args: string[]) => stowage(["untag", ...args], { cwd });
    const half = await run("./store:v1", "./store:absent");
    assert.equal(half.code, 2, half.err);
    assert.equal((await run(`./store:v1@${solo}`)).code, 4);
    assert.equal((await run(`./store@${solo}`)).code, 64);
    assert.equal((await run("./store:v1", "./elsewhere:v1")).code, 64);
    assert.equal((await run("./store:v1", "--dry-run")).out, `v1  ${image}\n`);
    assert.deepEqual(snapshot(place), before);
    const both = await run(
      `./store:v1@${image}`,
      "./store:multi",
      "./store:absent",
      "--ignore-missing",
    );
    assert.deepEqual(both.lines, [`v1     ${image}`, `multi  ${multi}`], both.err);
    assertTidy(both);
    const kept = await run("./store:solo", "--keep-previous", "--json");
    assert.deepEqual(kept.json()["removed"], [{ name: "solo", digest: solo }]);
    const left = entriesIn(place);
    assert.deepEqual(left.filter(({ name }) => name !== undefined), [{
      name: "latest",
      digest: image,
    }]);
    assert.ok(left.some(({ name, digest }) => name === undefined && digest === solo));
  }));
