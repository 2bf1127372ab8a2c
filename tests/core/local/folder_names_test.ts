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

test("names of 64 bytes may be left out unread where the runtime can, and no others", async () => {
  using folder = temporaryFolder();
  const hex = (digit: string) => digit.repeat(64);
  for (const name of [hex("a"), hex("b"), `${hex("b")}c`, "b"]) {
    writeFileSync(join(folder.path, name), "");
  }
  const asked: string[] = [];
  const skip = (bytes: Uint8Array, at: number) => {
    asked.push(new TextDecoder().decode(bytes.subarray(at, at + 64)));
    return bytes[at] === "b".charCodeAt(0);
  };
  const names = (await Array.fromAsync(namesIn(folder.path, skip))).flat().sort();
  const can = asked.length > 0;
  assert.deepEqual(asked.sort(), can ? [hex("a"), hex("b")] : []);
  assert.deepEqual(names, [hex("a"), "b", ...can ? [] : [hex("b")], `${hex("b")}c`]);
});
