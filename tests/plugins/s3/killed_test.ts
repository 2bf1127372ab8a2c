import assert from "node:assert/strict";
import { once } from "node:events";
import process from "node:process";
import { describe, it } from "node:test";
import { createRegistry, openLayout, systemClock } from "../../../core/mod.ts";
import { s3 } from "../../../plugins/s3/mod.ts";
import { assertStored, blobOf, noise } from "../../contract/suite.ts";
import { runtimes } from "../../runtimes.ts";
import type { Operation } from "../../s3_server/switches.ts";
import { start } from "../../s3_server/server.ts";
import { credentialsOf, opening } from "./buckets.ts";
import { run } from "./programs/run.ts";

const MIB = 17;
const bytes = noise(MIB << 20);
const { digest } = blobOf(bytes);

/** Where a writer dies: at which request of an operation, before it takes effect or after. */
const ALL: readonly (readonly [Operation, number, boolean, string?])[] = [
  ["CreateMultipartUpload", 1, true],
  ["UploadPart", 2, false],
  ["UploadPart", 3, true],
  ["CompleteMultipartUpload", 1, false],
  ["CompleteMultipartUpload", 1, true],
  ["CopyObject", 1, false],
  ["CopyObject", 1, true],
  ["PutObject", 1, false, "*/index.json"],
  ["PutObject", 1, true, "*/index.json"],
];

const MOMENTS = process.env["STOWAGE_TEST_S3"] === "all"
  ? ALL
  : ALL.filter(([, , applied]) => applied).slice(1);

describe("a writer that is killed", () => {
  for (const [n, [op, nth, applied, key]] of MOMENTS.entries()) {
    const when = `${applied ? "after" : "before"} ${op} ${nth}${key ? ` of ${key}` : ""}`;
    it(`${when}: the next one needs no help, and leaves nothing of it`, async () => {
      await using server = await start();
      const place = `s3://test/killed?endpoint=${server.url}`;
      const registry = createRegistry([s3(credentialsOf(server))]);
      {
        await using _layout = await openLayout(new URL(place), { registry, mode: "create" });
      }
      server.faults.add({
        op,
        nth,
        ...(key === undefined ? {} : { key }),
        fault: { kind: "gate", name: "grave", applied },
      });
      const args = [place, "0", "1", String(MIB)];
      const told: string[] = [];
      const first = run(runtimes[n % runtimes.length] ?? assert.fail(), "uploader", server, args);
      const ended = once(first, "close");
      while (server.faults.waiting("grave") === 0) {
        assert.equal(first.exitCode, null, "it ended by itself");
        await systemClock.sleep(20);
      }
      first.kill("SIGKILL");
      await ended;
      server.faults.clear();
      const next = run(
        runtimes[(n + 1) % runtimes.length] ?? assert.fail(),
        "uploader",
        server,
        args,
        (line) => told.push(line),
      );
      assert.equal((await once(next, "close"))[0], 0);
      assert.equal(told.at(-1), "tagged");
      await using layout = await openLayout(new URL(place), { registry });
      const reopen = () => registry.open(new URL(place), opening);
      assert.equal((await layout.resolve("v1")).digest, digest);
      await assertStored(layout.store.backend, bytes);
      const { blobs } = layout.store.backend;
      // What was stored behind the back of the first is found by the second, and its draft by a collection.
      const drafts = await Array.fromAsync(blobs.ingests());
      assert.equal(drafts.length, op === "CopyObject" ? 1 : 0);
      for (const { ref } of drafts) await (await reopen()).blobs.abort(ref);
      const bucket = server.store.buckets.get("test") ?? assert.fail();
      const left = [...bucket.keys].filter(([key, { versions }]) =>
        versions.at(-1)?.object && /ingest\/|staging|doctor/.test(key) && !key.includes("leases")
      );
      assert.deepEqual(left.map(([key]) => key), []);
    });
  }
});
