import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { blobJson, blobPath, snapshot } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";
import { assertTidy, SIGNATURE_TYPE, tellStory } from "./story.ts";

test("inspect tells what a name stands for: as text, as JSON, byte for byte, as a digest", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    const { image, config, layer, multi, other, signature } = await tellStory(place);
    const before = snapshot(place);
    const inspect = async (...args: string[]) => {
      const run = await stowage(["inspect", ...args], { cwd });
      assert.equal(run.code, 0, run.err);
      return run;
    };
    const text = await inspect("./store:v1");
    assertTidy(text);
    const said = text.lines.map((line) => line.split(/: +/, 2));
    assert.deepEqual(said.filter(([key]) => key === "Name").map(([, value]) => value), [
      "latest",
      "v1",
    ]);
    const facts = Object.fromEntries(said);
    assert.equal(facts["Digest"], image);
    assert.ok(facts["Config"]?.startsWith(config) && facts["Layer"]?.startsWith(layer));
    assert.ok(
      facts["Referrer"]?.startsWith(signature) && facts["Referrer"].endsWith(SIGNATURE_TYPE),
    );
    const json = (await inspect("./store:multi", "--json")).json<{
      schema: string;
      entry: { digest: string; kind: string; names: string[] };
      manifest: unknown;
      referrers: unknown[];
    }>();
    assert.equal(json.schema, "stowage.inspect/1");
    assert.deepEqual([json.entry.digest, json.entry.kind, json.entry.names], [multi, "index", [
      "multi",
    ]]);
    assert.deepEqual([json.manifest, json.referrers], [blobJson(place, multi), []]);
    const raw = await inspect("./store:v1", "--raw");
    assert.deepEqual(raw.bytes.toString(), readFileSync(blobPath(place, image)).toString());
    const arm = ["./store:multi", "--platform", "linux/arm64"];
    assert.equal((await inspect(...arm, "--digest")).out, `${other}\n`);
    const its = (await inspect(...arm, "--image-config", "--json")).json();
    assert.deepEqual(its["config"], { author: "other" });
    assert.equal((await stowage(["inspect", "./store:v2"], { cwd })).code, 2);
    assert.equal((await stowage(["inspect", "./store:v1", "--raw", "--json"], { cwd })).code, 64);
    assert.deepEqual(snapshot(place), before);
  }));

test("inspect of a place tells what is to be said of the layout", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    await tellStory(place);
    const text = await stowage(["inspect", "./store"], { cwd });
    assertTidy(text);
    assert.deepEqual(text.lines.slice(0, 3), [
      "Place:    ./store",
      "Backend:  dir",
      "Entries:  5",
    ]);
    const { backend, entries, indexBytes, sparse, notices } =
      (await stowage(["show", "./store", "--json"], { cwd })).json();
    assert.deepEqual([backend, entries, sparse, notices], ["dir", 5, false, []]);
    assert.equal(indexBytes, statSync(join(place, "index.json")).size);
    const several = await stowage(["inspect", "./store", "--digest"], { cwd });
    assert.equal(several.code, 2, several.err);
  }));
