// What the dead have left beside a place goes, and nothing that somebody alive may be writing.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../temporary_folder.ts";
import { openAt as openArchiveAt } from "../plugins/tar/archives.ts";
import { besideOf, openAt } from "./places.ts";
import { push } from "./scenarios.ts";

/** Leaves a file as if somebody had died over it so many hours ago. */
function leave(tmp: string, name: string, hours: number): void {
  mkdirSync(tmp, { recursive: true });
  writeFileSync(join(tmp, name), "half of a blob");
  const then = new Date(Date.now() - hours * 3_600_000);
  utimesSync(join(tmp, name), then, then);
}

for (const place of ["place", "place.tar"]) {
  test(`what was left unfinished a day ago is removed by the next writer (${place})`, async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, place);
    await push(await openAt(path), "v1");
    const tmp = join(besideOf(path), "tmp");
    leave(tmp, "old", 25);
    leave(tmp, "young", 23);
    await openAt(path, { mode: "read" });
    assert.deepEqual(readdirSync(tmp).sort(), ["old", "young"]);
    await push(await openAt(path), "v2");
    assert.deepEqual(readdirSync(tmp), ["young"]);
  });
}

test("what a compaction has left that was killed is removed by the next one, whatever its age", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "place.tar");
  await push(await openAt(path), "v1");
  const tmp = join(besideOf(path), "tmp");
  leave(tmp, "archive-0123", 0);
  leave(tmp, "a push", 0);
  await (await openArchiveAt(path, { mode: "write" })).compact();
  assert.deepEqual(readdirSync(tmp), ["a push"]);
});
