// The program that stays, as a process: signals, another collector beside it, writers.
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import type { Report } from "../../plugins/gc/report.ts";
import { unless } from "../skip.ts";
import { entriesIn, openFolder } from "./layout.ts";
import { ended, inFolder, kill, type Run, start, stowage } from "./stowage.ts";

const signals = unless(process.platform === "win32" && "Windows has no signals");

/** Lines of a running program, each as it comes. */
function linesOf(child: ChildProcess): { next(): Promise<string>; ended: Promise<Run> } {
  const lines: string[] = [];
  const over = ended(child);
  let rest = "";
  child.stdout?.on("data", (chunk) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    child.emit("line");
  });
  return {
    ended: over,
    async next() {
      let gone: Run | undefined;
      const end = over.then((run) => void (gone = run));
      while (lines.length === 0 && !gone) await Promise.race([once(child, "line"), end]);
      assert.ok(lines.length > 0, `it ended: ${gone?.err}`);
      return lines.shift() ?? "";
    },
  };
}

/** Whatever goes wrong, a program must not write on into a folder that is being removed. */
function endedAtLast(child: ChildProcess, over: Promise<Run>): AsyncDisposable {
  let gone = false;
  const end = over.then(() => void (gone = true));
  return {
    async [Symbol.asyncDispose]() {
      if (!gone) kill(child, "SIGKILL");
      await end;
    },
  };
}

async function pushed(cwd: string, name: string): Promise<void> {
  writeFileSync(join(cwd, `${name}.txt`), `the file of ${name}\n`);
  const run = await stowage(["push", `./store:${name}`, `${name}.txt`, "--create", "-q"], { cwd });
  assert.equal(run.code, 0, run.err);
}

test(
  "it collects beside writers, hears SIGHUP, leaves a run of another process alone, and ends on SIGTERM",
  {
    timeout: 120_000,
    ...signals,
  },
  () =>
    inFolder(async (cwd) => {
      await pushed(cwd, "main");
      const policy = (rules: object[]) =>
        writeFileSync(
          join(cwd, "r.json"),
          JSON.stringify({ schema: "stowage.retention/1", grace: "0s", maxDrop: "100%", rules }),
        );
      policy([]);
      const flags = ["--retention", "r.json", "--metrics", "gc.prom", "--json"];
      const child = start(["gc", "./store", "--every", "200ms", ...flags], { cwd });
      const { next, ended } = linesOf(child);
      await using _end = endedAtLast(child, ended);
      const until = async (wanted: (report: Report & { error?: { code: string } }) => boolean) => {
        while (true) {
          const report = JSON.parse(await next());
          if (wanted(report)) return report;
        }
      };
      assert.deepEqual((await until(() => true)).refs, { kept: 1, dropped: [] });

      await Promise.all(["pr-1", "pr-2"].map((name) => pushed(cwd, name)));
      await until(({ refs }) => refs.kept === 3);
      policy([{ refs: ["pr-*"] }]);
      kill(child, "SIGHUP");
      await until(({ refs }) => refs.dropped.length === 2);
      assert.deepEqual(entriesIn(join(cwd, "store")).map(({ name }) => name), ["main"]);

      {
        await using layout = await openFolder(join(cwd, "store"));
        await using _lease = await layout.store.lock.acquire("gc", { wait: 30_000 });
        const { error } = await until(({ error }) => error !== undefined);
        assert.equal(error.code, "locked");
      }
      await until(({ error }) => error === undefined);

      kill(child, "SIGTERM");
      const { code, err } = await ended;
      assert.equal(code, 0, err);
      const metrics = readFileSync(join(cwd, "gc.prom"), "utf8");
      assert.match(metrics, /^stowage_gc_dropped_references_total\{place=".\/store"\} 2$/m);
      assert.match(metrics, /^stowage_gc_skipped_runs_total\{place=".\/store"\} [1-9]/m);
      const check = await stowage(["check", "./store"], { cwd });
      assert.equal(check.code, 0, check.out);
    }),
);

test("told to end while it collects, it ends at once and well; the next run goes on", {
  timeout: 120_000,
  ...signals,
}, () =>
  inFolder(async (cwd) => {
    await pushed(cwd, "main");
    {
      await using layout = await openFolder(join(cwd, "store"));
      for (let at = 0; at < 300; at++) await layout.push({}, new TextEncoder().encode(`${at}`));
    }
    const flags = ["--grace", "0s", "--max-drop", "100%"];
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const child = start(["gc", "./store", "--every", "1h", ...flags], { cwd });
      const over = ended(child);
      // Whatever it is at: the lease of the run shows that it has begun, a line that it has ended.
      const begun = () => {
        try {
          return readFileSync(join(cwd, "store/.stowage/leases/gc.json"), "utf8") !== "";
        } catch {
          return false;
        }
      };
      let line = false;
      child.stdout?.once("data", () => void (line = true));
      while (!line && !begun()) await new Promise((turn) => setTimeout(turn, 1));
      kill(child, signal);
      const { code, err } = await over;
      assert.equal(code, signal === "SIGTERM" ? 0 : 130, err);
    }
    const rest = await stowage(["gc", "./store", ...flags, "--json"], { cwd });
    assert.equal(rest.code, 0, rest.err);
    const left = await stowage(["du", "./store", "--json"], { cwd });
    const { stored, live } = left.json<{ stored: { blobs: number }; live: { blobs: number } }>();
    assert.deepEqual(stored, live);
    const check = await stowage(["check", "./store"], { cwd });
    assert.equal(check.code, 0, check.out);
  }));
