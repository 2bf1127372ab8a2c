import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { digestOfFile, fileSource } from "../../../plugins/commands/local_file.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const bytes = new Uint8Array(8 << 20).fill(7);

test("others have a turn after each piece of a file", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "large");
  writeFileSync(path, bytes);
  let read = false;
  let turns = 0;
  const others = (async () => {
    for (; !read; turns++) await turn();
  })();
  const before: number[] = [];
  for await (const _ of await fileSource(path).open(0)) before.push(turns);
  read = true;
  await others;
  assert.equal(new Set(before).size, 8, before.join());
});

test("a file that is being hashed is let go of when the signal fires", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "large");
  writeFileSync(path, bytes);
  const stop = new AbortController();
  const hashing = digestOfFile(path, { signal: stop.signal });
  await turn();
  stop.abort();
  await assert.rejects(hashing, { code: "aborted" });
});
