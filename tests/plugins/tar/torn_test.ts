import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assertStored, listed, utf8 } from "../../contract/suite.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { openAt } from "./archives.ts";
import { difference, isOneSector, stepsOfAppend, tornStates } from "./states.ts";

/** With STOWAGE_TEST_CRASH=all every byte is a place to be torn at, else every so manieth. */
const STRIDE = process.env["STOWAGE_TEST_CRASH"] === "all" ? 1 : 17;

test("torn at every byte of what is appended, an archive reads as before or as after", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "torn.tar");
  const [old, added] = [utf8("what was there before"), utf8("what is added")];
  let count = 0;
  for await (const { name, bytes, index } of tornStates(STRIDE)) {
    writeFileSync(path, bytes);
    await using store = await openAt(path, { mode: "read" });
    assert.equal((await store.docs.load("index.json"))?.text, index, name);
    assert.equal((await listed(store)).length, index.includes("after") ? 3 : 1, name);
    if (count++ % 50 > 0) continue;
    await assertStored(store, old);
    if (index.includes("after")) await assertStored(store, added);
  }
  assert.ok(count > 8000 / STRIDE, `only ${count} states`);
});

test("whatever an append was torn at, the next one succeeds and nothing is in its way", async () => {
  using folder = temporaryFolder();
  let count = 0;
  for await (const { name, bytes } of tornStates(499)) {
    const path = join(folder.path, `${count++}.tar`);
    writeFileSync(path, bytes);
    await using store = await openAt(path);
    const seen = await store.docs.load("index.json");
    await store.docs.swap("index.json", '{"manifests":[]}', seen);
    await using other = await openAt(path, { mode: "read" });
    assert.equal((await other.docs.load("index.json"))?.text, '{"manifests":[]}', name);
    await assertStored(other, utf8("what was there before"));
  }
});

test("it comes to be by one sector, and each former document is hidden by one", async () => {
  const { steps } = await stepsOfAppend();
  const names = steps.map(({ name }) => name);
  for (const name of ["commit archive", "hide document"]) {
    const at = names.indexOf(name);
    const [before, after] = [steps[at]?.bytes, steps[at + 1]?.bytes];
    assert.ok(before && after, names.join());
    const range = difference(before, after);
    assert.ok(range && isOneSector(range), `${name} changes ${JSON.stringify(range)}`);
    assert.equal(before.length, after.length);
  }
});
