import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { systemClock } from "../../core/mod.ts";
import { noted, parseMetrics, printMetrics, skipped } from "../../plugins/gc/metrics.ts";
import { openMetrics } from "../../plugins/gc/metrics_file.ts";
import type { Report } from "../../plugins/gc/report.ts";
import { fails } from "../fails.ts";
import { inFolder } from "../cli/stowage.ts";

const report = {
  refs: { kept: 5, dropped: [{}, {}] },
  blobs: { live: 20, unreachable: 4, waiting: 3, deleted: 4 },
  bytes: { live: 2000, unreachable: 400, waiting: 30, deleted: 300 },
} as unknown as Report;
const good = { outcome: "ok", started: 1_000, finished: 3_500, report } as const;
const bad = { outcome: "failed", started: 5_000, finished: 6_000 } as const;

/** What the OpenMetrics text format asks for, line by line. */
function assertOpenMetrics(text: string): void {
  const lines = text.split("\n");
  assert.deepEqual(lines.slice(-2), ["# EOF", ""]);
  const types = new Map<string, string>();
  let family = "";
  for (const line of lines.slice(0, -2)) {
    const [, kind, name = "", rest = ""] = /^# (TYPE|HELP) (\w+) (.+)$/.exec(line) ?? [];
    if (kind === "TYPE") {
      assert.ok(!types.has(name), `${name} begins twice`);
      types.set(family = name, rest);
    } else if (kind === "HELP") assert.equal(name, family);
    else {
      const [, sample] =
        /^(\w+)\{\w+="(?:[^"\\\n]|\\[\\"n])*"(?:,\w+="\w+")*\} [-+.e\d]+$/.exec(line) ??
          [];
      assert.equal(sample, types.get(family) === "counter" ? `${family}_total` : family, line);
    }
  }
}

describe("metrics of collections", () => {
  it("count what was done, and keep the last good run in mind", () => {
    const samples = [good, bad, good].reduce(noted, {});
    const after = noted(samples, { ...bad, outcome: "skipped" });
    const value = (name: string) => after[`stowage_gc_${name}`];
    assert.deepEqual(
      ["runs", "failures", "skipped_runs", "dropped_references", "deleted_blobs", "deleted_bytes"]
        .map(value),
      [3, 1, 1, 4, 8, 600],
    );
    const failed = noted(noted({}, good), bad);
    assert.equal(failed["stowage_gc_last_success_timestamp_seconds"], 3.5);
    assert.equal(failed["stowage_gc_last_run_timestamp_seconds"], 6);
    assert.equal(failed["stowage_gc_last_duration_seconds"], 1);
    assert.equal(failed["stowage_place_references"], 5);
    assert.equal(failed["stowage_place_bytes unreachable"], 100);
    assert.equal(noted({}, bad)["stowage_gc_last_success_timestamp_seconds"], undefined);
  });

  it("are OpenMetrics, whatever a place is called, and read back as they were", () => {
    const places = new Map([
      ["./store", noted({}, good)],
      ['a "b"\\c\nd', skipped(noted({}, bad), 3)],
      ["s3://b/x?endpoint=http://h:9000", {}],
    ]);
    const text = printMetrics(places);
    assertOpenMetrics(text);
    places.delete("s3://b/x?endpoint=http://h:9000");
    assert.deepEqual(parseMetrics(text), places);
    assert.match(text, /^stowage_gc_runs_total\{place="a \\"b\\"\\\\c\\nd"\} 1$/m);
    assertOpenMetrics(printMetrics(new Map()));
  });

  it("go on in the next process, for the places it collects", () =>
    inFolder(async (folder) => {
      const path = join(folder, "gc.prom");
      for (let run = 1; run <= 2; run++) {
        const metrics = await openMetrics(path, ["a"], systemClock);
        metrics.note("a", run === 1 ? good : bad);
        await metrics.write();
      }
      const [[place, samples] = []] = [...parseMetrics(readFileSync(path, "utf8"))];
      assert.deepEqual([place, samples?.["stowage_gc_runs"]], ["a", 2]);
      assert.equal(samples?.["stowage_gc_last_success_timestamp_seconds"], 3.5);
      const other = await openMetrics(path, ["b"], systemClock);
      other.note("b", bad);
      await other.write();
      assert.deepEqual([...parseMetrics(readFileSync(path, "utf8")).keys()], ["b"]);
      assert.deepEqual(readdirSync(folder), ["gc.prom"]);
      if (process.platform !== "win32") assert.equal(statSync(path).mode & 0o777, 0o644);
    }));

  it("are not written over a file that holds something else, nor into a folder that is not there", () =>
    inFolder(async (folder) => {
      const path = join(folder, "policy.json");
      writeFileSync(path, "{}");
      const error = await fails(openMetrics(path, ["a"], systemClock), "invalid", /something else/);
      assert.equal(error.reason, "usage");
      const lost = await openMetrics(join(folder, "none", "gc.prom"), ["a"], systemClock);
      await fails(lost.write(), "not_found", /Cannot write the metrics/);
    }));
});
