import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { namesIn } from "../../../core/local/folder_names.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const all = async (path: string) => (await Array.fromAsync(namesIn(path))).flat().sort();

test("all names of a folder come, once each, however many and whatever they are", async () => {
  using folder = temporaryFolder();
  assert.deepEqual(await all(folder.path), []);
  for (const name of ["…", "\u{1f5c4} box", ".hidden", "x".repeat(255), "a\nb"]) {
    writeFileSync(join(folder.path, name), "");
  }
  mkdirSync(join(folder.path, "folder"));
  for (let n = 0; n < 1_500; n++) writeFileSync(join(folder.path, `${"0".repeat(200)}${n}`), "");
  assert.deepEqual(await all(folder.path), readdirSync(folder.path).sort());
});

test("a folder that is missing, and a file, are said as readdir does", async () => {
  using folder = temporaryFolder();
  await assert.rejects(all(join(folder.path, "none")), { code: "ENOENT" });
  writeFileSync(join(folder.path, "file"), "");
  await assert.rejects(all(join(folder.path, "file")), { code: "ENOTDIR" });
});
