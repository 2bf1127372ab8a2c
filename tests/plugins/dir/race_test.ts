import assert from "node:assert/strict";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../../core/mod.ts";
import { all, listed, noise, put } from "../../contract/suite.ts";
import { finished, runtimes, startProgram } from "../../runtimes.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { openAt } from "./directories.ts";

const BLOBS = 400;

for (const other of runtimes) {
  test(
    `of a deletion and a renewal of one copy at one moment, by two processes (${other.name}), one succeeds`,
    { timeout: 60_000 },
    async () => {
      using folder = temporaryFolder();
      await using store = await openAt(folder.path);
      for (let n = 0; n < BLOBS; n++) await put(store, noise(10, n + 1));
      const program = new URL("./racer.ts", import.meta.url);
      const [first] = runtimes;
      assert.ok(first);
      using meeting = temporaryFolder();
      const racing = Promise.all([
        finished(startProgram(other, program, [folder.path, "delete", meeting.path])),
        finished(startProgram(first, program, [folder.path, "renew", meeting.path])),
      ]);
      const isReady = (what: string) => existsSync(join(meeting.path, what));
      while (!isReady("delete") || !isReady("renew")) await systemClock.sleep(5);
      writeFileSync(join(meeting.path, "going"), String(Date.now() + 50));
      renameSync(join(meeting.path, "going"), join(meeting.path, "go"));
      const [deleter, renewer] = await racing;
      const removed = deleter.out.trim().split("\n");
      const renewed = renewer.out.trim().split("\n");
      assert.deepEqual([removed.length, renewed.length], [BLOBS, BLOBS]);
      for (const [n, outcome] of removed.entries()) {
        assert.equal(outcome, renewed[n] === "renewed" ? "replaced" : "removed", `blob ${n}`);
      }
      const stay = renewed.filter((outcome) => outcome === "renewed").length;
      assert.equal((await listed(store)).length, stay);
      assert.equal(
        (await all(store.blobs.trash?.list() ?? (async function* () {})())).length,
        BLOBS - stay,
      );
    },
  );
}
