import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Personality } from "../../s3_server/personalities.ts";
import { opening, startBucket } from "./buckets.ts";

/** The tier of each kind of server, the form it wants, and what is found wanting. */
const TABLE: Readonly<Record<Personality, readonly [string, string, readonly string[]]>> = {
  aws: ["full", "quoted", []],
  rgw16: ["full", "unquoted", ["delete if unchanged", "checksums are kept"]],
  rgw20: ["full", "quoted", []],
  minio: ["full", "quoted", ["delete if unchanged"]],
  versitygw: ["full", "quoted", []],
  spaces: ["full", "unquoted", ["delete if unchanged", "checksums are kept"]],
  rustfs: ["full", "quoted", ["delete if unchanged"]],
  r2: ["full", "quoted", ["delete if unchanged"]],
  swift: ["alone", "quoted", ["create if absent", "checksums are kept"]],
  b2: ["alone", "quoted", ["create if absent", "versioning"]],
  garage: ["alone", "quoted", ["create if absent", "replace with a wrong ETag"]],
  gcs: ["alone", "quoted", ["create if absent", "replace with a wrong ETag"]],
  lies: ["alone", "quoted", ["create if absent", "replace with a wrong ETag"]],
  racy: ["alone", "quoted", ["8 creators: one wins", "8 replacers: one wins"]],
};

describe("what the doctor finds", () => {
  for (const [personality, [tier, form, wanting]] of Object.entries(TABLE)) {
    it(`of ${personality}: ${tier}, ${form}`, async () => {
      await using bucket = await startBucket({ personality: personality as Personality });
      await using backend = await bucket.place();
      const { findings, facts, safe } = await backend.diagnose?.() ?? assert.fail();
      const rows = findings.map(({ name, result, detail }) => `${result} ${name}: ${detail}`);
      assert.deepEqual([facts["tier"], facts["etagForm"]], [tier, form], rows.join("\n"));
      const many = tier !== "alone";
      assert.deepEqual(safe, { concurrentWrites: many, gc: tier === "full" });
      const wrong = findings.filter(({ result }) => result === "warn" || result === "fail");
      const names = new Set(wrong.map(({ name }) => name));
      for (const name of wanting) assert.ok(names.has(name), rows.join("\n"));
      const failed = wrong.filter(({ required, result }) => required && result === "fail");
      assert.equal(failed.length > 0, !many, rows.join("\n"));
      const kept = [...bucket.server.store.buckets.get("test")?.keys ?? []]
        .filter(([, { versions }]) => versions.at(-1)?.object);
      assert.deepEqual(kept.map(([key]) => key), [], "scratch keys were left");
    });
  }

  it("a store that loses requests is not taken for one that cannot", async () => {
    await using bucket = await startBucket();
    const fault = { kind: "status", status: 503, code: "SlowDown" } as const;
    bucket.server.faults.add({ op: "PutObject", chance: 0.1, seed: 5, fault });
    for (let n = 0; n < 3; n++) {
      await using backend = await bucket.place();
      const diagnosis = await backend.diagnose?.().catch(({ code }) => code);
      const told = typeof diagnosis === "string" ? diagnosis : diagnosis?.facts["tier"];
      assert.ok(told === "full" || told === "unavailable", String(told));
    }
  });

  it("opened to read nothing is written, and the word of the last writer told", async () => {
    await using bucket = await startBucket();
    const place = bucket.url("read/only");
    {
      await using backend = await bucket.open(place, opening);
      await backend.docs.load("index.json");
      await backend.docs.swap("index.json", "{}", undefined);
    }
    const before = bucket.server.journal.entries.length;
    await using backend = await bucket.open(place, { ...opening, mode: "read" });
    const { facts } = await backend.diagnose?.() ?? assert.fail();
    assert.equal(facts["tier"], "full");
    const { entries } = bucket.server.journal;
    assert.ok(entries.slice(before).every(({ method }) => method === "GET" || method === "HEAD"));
  });
});
