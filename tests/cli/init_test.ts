import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { entriesIn, snapshot } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";
import { tellStory } from "./story.ts";

test("init makes an empty layout; the second time nothing changes", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "new");
    const first = await stowage(["init", "./new", "--annotation", "team=web", "--sparse"], { cwd });
    assert.deepEqual([first.code, first.out], [0, "./new\n"], first.err);
    assert.deepEqual(JSON.parse(readFileSync(join(place, "oci-layout"), "utf8")), {
      imageLayoutVersion: "1.0.0",
    });
    const index = JSON.parse(readFileSync(join(place, "index.json"), "utf8"));
    assert.deepEqual([index.manifests, index.annotations.team], [[], "web"]);
    assert.equal(
      JSON.parse(readFileSync(join(place, ".stowage/layout.json"), "utf8")).sparse,
      true,
    );
    const before = snapshot(place);
    const second = await stowage(["init", "./new", "--annotation", "team=web", "--json"], { cwd });
    assert.deepEqual(second.json(), {
      schema: "stowage.init/1",
      ok: true,
      place: "./new",
      created: false,
      repaired: [],
    });
    assert.deepEqual(snapshot(place), before);
  }));

test("init adds what a layout lacks and keeps what it has; a dry run makes nothing", () =>
  inFolder(async (cwd) => {
    const place = join(cwd, "store");
    await tellStory(place);
    const entries = entriesIn(place);
    rmSync(join(place, "oci-layout"));
    const mended = (await stowage(["init", "./store", "--json"], { cwd })).json();
    assert.deepEqual([mended["created"], (mended["repaired"] as string[]).length], [false, 1]);
    assert.ok(existsSync(join(place, "oci-layout")));
    assert.deepEqual(entriesIn(place), entries);
    const dry = await stowage(["init", "./absent", "--dry-run", "-q", "--json"], { cwd });
    assert.deepEqual([dry.code, dry.json()["created"]], [0, true], dry.err);
    assert.ok(!existsSync(join(cwd, "absent")));
    const quiet = await stowage(["init", "./quiet", "-q"], { cwd });
    assert.deepEqual([quiet.code, quiet.out, quiet.err], [0, "", ""]);
    const tagged = await stowage(["init", "./store:v1"], { cwd });
    assert.equal(tagged.code, 64, tagged.err);
  }));
