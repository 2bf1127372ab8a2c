// The command that stays, with its clock held: hours pass in no time.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createRegistry, type Layout, openLayout } from "../../mod.ts";
import { parseMetrics } from "../../plugins/gc/metrics.ts";
import { builtins } from "../../plugins/mod.ts";
import { main } from "../../plugins/commands/main.ts";
import { fakeClock } from "../contract/clock.ts";
import { blobOf, imageOf, pushAll } from "../images.ts";
import { inFolder } from "../cli/stowage.ts";
import { EXITS, fakeHost } from "../plugins/commands/fake_host.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);
let places = 0;

/** An empty layout in memory, and its place. */
async function fresh(): Promise<{ place: string; layout: Layout }> {
  const place = `mem:stay-${++places}`;
  return { place, layout: await openLayout(place, { mode: "create" }) };
}

/** Starts the program and lets it come to its first rest. */
async function starts(...argv: readonly string[]) {
  const { host, said, stop } = fakeHost(["gc", ...argv]);
  const clock = fakeClock(START, 2_000);
  const done = main(createRegistry(builtins), EXITS, { ...host, clock });
  let over = false;
  const end = () => void (over = true);
  done.then(end, end);
  for (let tries = 0; tries < 400 && clock.sleepers === 0 && !over; tries++) await sleep(5);
  return {
    said,
    stop,
    done,
    clock,
    lines: () => said.out.split("\n").slice(0, -1),
    /** When the runs began. */
    begun: () => said.out.split("\n").slice(0, -1).map((line) => line.slice(0, 16)),
  };
}

describe("a collector that stays", () => {
  it("runs at once and then every so often, a line a run, and ends well on SIGTERM", async () => {
    const { place } = await fresh();
    const { clock, begun, lines, stop, done, said } = await starts(
      ...[place, "--every", "90m", "--jitter", "0s"],
    );
    await clock.advance(3 * HOUR);
    assert.deepEqual(
      begun(),
      [0, 1.5, 3].map((hour) => new Date(START + hour * HOUR).toISOString().slice(0, 16)),
    );
    assert.match(lines()[0] ?? "", /mem:stay-\d+ {2}0 references dropped; 0 blobs deleted, 0 B; /);
    stop("SIGTERM");
    assert.deepEqual([await done, said.err], [0, []]);
  });

  it("runs when the cron expression says so, in its zone; SIGINT is an interruption", async () => {
    const { place } = await fresh();
    const { clock, begun, stop, done } = await starts(
      ...[place, "--cron", "30 1-2 * * *", "--tz", "Europe/Berlin"],
    );
    assert.deepEqual(begun(), []);
    await clock.advance(2 * HOUR);
    assert.deepEqual(begun(), ["2026-01-01T00:30", "2026-01-01T01:30"]);
    stop("SIGINT");
    assert.equal(await done, EXITS.SIGINT);
  });

  it("says and counts a run that fails, and goes on with the others and with the next", () =>
    inFolder(async (folder) => {
      const { place, layout } = await fresh();
      const path = join(folder, "gc.prom");
      const { clock, lines, stop, done } = await starts(
        ...["mem:nowhere", place, "--every", "1h", "--jitter", "0s", "--metrics", path, "--json"],
      );
      await layout.store.lock.acquire("gc");
      await clock.advance(HOUR);
      const runs = lines().map((line) => JSON.parse(line));
      assert.deepEqual(
        runs.map(({ schema, ok, error }) => [schema, ok, error?.code]),
        [
          ["stowage.gc/1", false, "not_found"],
          ["stowage.gc/1", true, undefined],
          ["stowage.gc/1", false, "not_found"],
          ["stowage.gc/1", false, "locked"],
        ],
      );
      const metrics = parseMetrics(readFileSync(path, "utf8"));
      const counts = (name: string) =>
        ["runs", "failures", "skipped_runs"].map((what) =>
          metrics.get(name)?.[`stowage_gc_${what}`]
        );
      assert.deepEqual(counts("mem:nowhere"), [2, 2, 0]);
      assert.deepEqual(counts(place), [1, 0, 1]);
      stop("SIGTERM");
      assert.equal(await done, 0);
    }));

  it("writes its metrics anew each minute, so that their age shows its health", () =>
    inFolder(async (folder) => {
      const { place } = await fresh();
      const path = join(folder, "gc.prom");
      const { clock, stop, done } = await starts(place, "--every", "6h", "--metrics", path);
      writeFileSync(path, "# EOF\n");
      await clock.advance(60_000);
      for (let tries = 0; tries < 400 && readFileSync(path, "utf8").length < 10; tries++) {
        await sleep(5);
      }
      assert.equal(parseMetrics(readFileSync(path, "utf8")).size, 1);
      stop("SIGTERM");
      await done;
    }));

  it("only plans a place once a rule has said no, until SIGHUP, which reads the rules again", () =>
    inFolder(async (folder) => {
      const { place, layout } = await fresh();
      await pushAll(layout, blobOf("garbage"));
      await sleep(30);
      const policy = join(folder, "r.json");
      const write = (more: object) =>
        writeFileSync(
          policy,
          JSON.stringify({ schema: "stowage.retention/1", grace: "0s", ...more }),
        );
      write({});
      const { clock, lines, stop, done, said } = await starts(
        ...[place, "--every", "1h", "--jitter", "0s", "--retention", policy],
      );
      write({ maxDrop: "100%" });
      await clock.advance(HOUR);
      assert.match(
        lines()[0] ?? "",
        /failed: Cannot collect: .* would go, more than 50 % {2}\[refused\]/,
      );
      assert.match(lines()[1] ?? "", /only planned since a run was refused.*1 blob unreachable/);
      stop("SIGHUP");
      await clock.advance(HOUR);
      assert.match(lines()[2] ?? "", /1 blob deleted/);
      writeFileSync(policy, "{");
      stop("SIGHUP");
      await clock.advance(HOUR);
      assert.match(lines()[3] ?? "", /0 blobs deleted/);
      assert.match(said.err.join("\n"), /it is not JSON; the former rules hold/);
      stop("SIGTERM");
      assert.equal(await done, 0);
    }));

  it("goes by the wall clock: who set it on does not wait", async () => {
    const { place } = await fresh();
    const { clock, begun, stop, done } = await starts(place, "--cron", "0 12 * * *");
    clock.suspend(11.9 * HOUR);
    await clock.advance(0.2 * HOUR);
    assert.equal(begun().length, 1);
    stop("SIGTERM");
    await done;
  });

  it("stops at once for what was typed wrong", async () => {
    for (const flags of [["--retention", "none.json"], ["--untagged", "soon"]]) {
      const { done, said } = await starts("mem:x", "--every", "1h", ...flags);
      assert.deepEqual([await done, said.out], [EXITS.usage, ""]);
    }
  });

  it("keeps what it deletes within a run apart from the next one's", async () => {
    const { place, layout } = await fresh();
    const image = imageOf("kept");
    await pushAll(layout, image.config, image.layer, image);
    await layout.tag(image.descriptor, "main");
    await sleep(30);
    const { clock, lines, stop, done } = await starts(
      ...[place, "--every", "1h", "--grace", "0s", "--max-drop", "100%", "--json"],
    );
    await pushAll(layout, blobOf("garbage"));
    await sleep(30);
    await clock.advance(2.5 * HOUR);
    assert.deepEqual(lines().map((line) => JSON.parse(line).blobs.deleted), [0, 1, 0]);
    stop("SIGTERM");
    assert.equal(await done, 0);
  });
});
