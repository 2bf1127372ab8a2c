import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { blobPath, entriesIn, openFolder, snapshot } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";
import { assertTidy, tellStory } from "./story.ts";

test("remove drops an entry and keeps the bytes; with --now they go, shared ones stay", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    const { image, multi, other, signature, solo } = await tellStory(place);
    const remove = (...args: string[]) => stowage(["remove", ...args], { cwd });
    const first = await remove("./store:solo", "--json");
    assert.equal(first.code, 0, first.err);
    const { schema, removed, freeable, freed } = first.json<{
      schema: string;
      removed: { digest: string; names?: string[] }[];
      freeable: number;
      freed: number;
    }>();
    assert.deepEqual([schema, removed.length, removed[0]?.digest, removed[0]?.names, freed], [
      "stowage.remove/1",
      1,
      solo,
      ["solo"],
      0,
    ]);
    {
      await using layout = await openFolder(place);
      const parts = [solo, ...(await layout.children(solo)).map(({ digest }) => digest)];
      const sizes = await Promise.all(
        parts.map(async (digest) => (await layout.info(digest)).size),
      );
      assert.equal(freeable, sizes.reduce((sum, size) => sum + size));
    }
    const dry = await remove("./store:multi", "--now", "--dry-run");
    assert.deepEqual([dry.code, dry.out], [0, `multi  ${multi}\n`], dry.err);
    assert.ok(existsSync(blobPath(place, multi)));
    const now = await remove("./store:multi", "--now");
    assert.deepEqual([now.code, now.out], [0, `multi  ${multi}\n`], now.err);
    assert.deepEqual([multi, other, image].map((digest) => existsSync(blobPath(place, digest))), [
      false,
      false,
      true,
    ]);
    const all = await stowage(["rm", `./store@${image}`, "--now", "--all-names"], { cwd });
    assert.equal(all.code, 0, all.err);
    assertTidy(all);
    assert.deepEqual(all.lines.map((line) => line.split(/ +/)), [
      ["v1", image],
      ["latest", image],
      ["-", signature],
    ]);
    assert.deepEqual(entriesIn(place), []);
  }));

test("what is needed, has several names or is not there is not removed", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    const { config, image, other, solo } = await tellStory(place);
    {
      await using layout = await openFolder(place);
      await layout.tag(other, "arm");
    }
    const before = snapshot(place);
    const fails = async (code: number, error: RegExp, ...args: string[]) => {
      const run = await stowage(["remove", ...args], { cwd });
      assert.deepEqual([run.code, run.out], [code, ""], run.err);
      assert.match(run.err, error);
    };
    await fails(3, /"multi" needs it {2}\[refused\]/, "./store:arm");
    await fails(3, /\[refused\]/, `./store@${config}`, "--now");
    await fails(4, /it has 2 names, v1, latest.*\[conflict\]/, "./store:v1");
    await fails(2, /\[not_found\]\n.*stowage list/, "./store:solo", "./store:absent");
    await fails(2, /nothing lists it/, `./store@${config}`);
    await fails(64, /one place/, "./store:v1", "./other:v1");
    await fails(64, /"--now"/, "./store:solo", "--force");
    const none = await stowage(["remove", "./store:absent", "--ignore-missing"], { cwd });
    assert.deepEqual([none.code, none.out], [0, ""], none.err);
    assert.deepEqual(snapshot(place), before);
    const forced = await stowage(["remove", `./store@${other}`, "--now", "--force"], { cwd });
    assert.equal(forced.code, 0, forced.err);
    assert.ok(!existsSync(blobPath(place, other)) && existsSync(blobPath(place, solo)));
    assert.ok(existsSync(blobPath(place, image)));
  }));
