import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "../../core/mod.ts";
import { openFolder, snapshot } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";

test("an unfinished write is listed, gone on with from its file, and verified", () =>
  inFolder(async (cwd) => {
    const store = join(cwd, "store");
    const bytes = new Uint8Array(3_000_000).map((_, at) => at * 13);
    const digest = digestOf(bytes);
    writeFileSync(join(cwd, "disk.img"), bytes);
    writeFileSync(join(cwd, "other.img"), bytes.map((byte) => byte ^ 1));
    {
      await using layout = await openFolder(store);
      const expect = { digest, size: bytes.length };
      for (const ref of ["upload-7", "upload 8"]) {
        await using writer = await layout.openWriter({
          ref,
          ...ref === "upload-7" ? { expect } : {},
        });
        await writer.write(bytes.subarray(0, 1 << 20));
      }
    }
    const listed = await stowage(["ingest", "list", "./store"], { cwd });
    assert.equal(listed.code, 0, listed.err);
    assert.deepEqual(listed.lines.map((line) => line.replace(/\d{4}-.*Z$/, "TIME")).sort(), [
      "upload 8  1.0 MiB  -        TIME",
      "upload-7  1.0 MiB  2.9 MiB  TIME",
    ]);
    const json = await stowage(
      ["ingest", "list", "./store", "--filter", "ref==upload-7", "--json"],
      {
        cwd,
      },
    );
    const { ingests, ...rest } = json.json<{ ingests: Record<string, unknown>[] }>();
    assert.deepEqual(rest, { schema: "stowage.ingest/1", ok: true, place: "./store" });
    const { startedAt, updatedAt, ...one } = ingests[0] ?? {};
    assert.deepEqual(one, {
      ref: "upload-7",
      offset: 1 << 20,
      total: 3_000_000,
      expected: digest,
    });
    for (const time of [startedAt, updatedAt]) assert.match(String(time), /^\d{4}-.*\.\d{3}Z$/);

    const before = snapshot(store);
    const dry = await stowage(["ingest", "abort", "./store", "--all", "--dry-run"], { cwd });
    assert.deepEqual([dry.code, dry.lines.length], [0, 2], dry.err);
    assert.deepEqual(snapshot(store), before);
    const young = await stowage(["ingest", "abort", "./store", "--all", "--older-than", "1h"], {
      cwd,
    });
    assert.deepEqual([young.code, young.out], [0, ""], young.err);

    const wrong = await stowage(["ingest", "resume", "./store", "upload-7", "other.img"], {
      cwd,
    });
    assert.equal(wrong.code, 3, wrong.err);
  }));

test("the right file completes what a wrong one could not; abort ends the rest", () =>
  inFolder(async (cwd) => {
    const store = join(cwd, "store");
    const bytes = new Uint8Array(2_000_000).map((_, at) => at * 17);
    const digest = digestOf(bytes);
    {
      await using layout = await openFolder(store);
      for (const [ref, expect] of [["a", { digest }], ["b", {}]] as const) {
        await using writer = await layout.openWriter({ ref, expect });
        await writer.write(bytes.subarray(0, 1_000_000));
      }
    }
    const done = await stowage(["ingest", "resume", "./store", "a", "-", "--json"], {
      cwd,
      stdin: bytes,
    });
    assert.equal(done.code, 0, done.err);
    const { tally, ...rest } = done.json<{ tally: Record<string, number> }>();
    assert.deepEqual(rest, {
      schema: "stowage.ingest/1",
      ok: true,
      place: "./store",
      digest,
      size: 2_000_000,
      offset: 1_000_000,
    });
    assert.deepEqual([tally["resumed"], tally["sentBytes"]], [1, 1_000_000]);
    const aborted = await stowage(["ingest", "abort", "./store", "b"], { cwd });
    assert.deepEqual([aborted.code, aborted.lines.length], [0, 1], aborted.err);
    await using layout = await openFolder(store);
    assert.deepEqual(await layout.statuses(), []);
    assert.equal(await layout.exists(digest), true);
    const gone = await stowage(["ingest", "abort", "./store", "b"], { cwd });
    assert.equal(gone.code, 2, gone.err);
  }));
