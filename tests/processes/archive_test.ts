import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { openLayout } from "../../mod.ts";
import { moment } from "../contract/suite.ts";
import { finished, runtimes, startProgram } from "../runtimes.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const WRITERS = 4;
const NAMES = process.env["STOWAGE_TEST_CRASH"] === "all" ? 50 : 12;

test(
  `${WRITERS} processes append ${NAMES} names each to an archive while a collector runs in a loop: none lost`,
  { timeout: 300_000 },
  async () => {
    using folder = temporaryFolder();
    const place = join(folder.path, "store.tar");
    await (await openLayout(place, { mode: "create" }))[Symbol.asyncDispose]();
    const [first] = runtimes;
    assert.ok(first);
    const collector = startProgram(first, new URL("./gc_loop.ts", import.meta.url), [place]);
    let collections = 0;
    collector.stdout?.on("data", (text) => collections += String(text).split("\n").length - 1);
    const program = new URL("./pusher.ts", import.meta.url);
    const done = await Promise.all(Array.from({ length: WRITERS }, (_, n) => {
      const runtime = runtimes[n % runtimes.length] ?? first;
      return finished(startProgram(runtime, program, [place, `w${n}`, String(NAMES)]));
    }));
    while (collections === 0 && collector.exitCode === null) await moment(50);
    collector.kill("SIGKILL");
    assert.deepEqual(done.map(({ code }) => code), Array(WRITERS).fill(0));
    const acknowledged = done.flatMap(({ out }) => out.trim().split("\n"));
    assert.equal(acknowledged.length, WRITERS * NAMES);
    assert.ok(collections > 0, "nothing was collected");
    await using store = await openLayout(place);
    const names = await store.references();
    assert.deepEqual(names.map(({ name }) => name).sort(), acknowledged.sort());
    for (const { descriptor } of names) await store.fetchAll(descriptor);
  },
);
