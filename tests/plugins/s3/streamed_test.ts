import assert from "node:assert/strict";
import { after, afterEach, describe, it } from "node:test";
import { type Backend, OciError, systemClock } from "../../../core/mod.ts";
import { assertStored, blobOf, fails, listed, noise, write } from "../../contract/suite.ts";
import type { Fault } from "../../s3_server/faults.ts";
import { opening, startBucket } from "./buckets.ts";
import { hurried, PATIENCE } from "./suffering.ts";

const MIB = 1 << 20;
const bucket = await startBucket({}, { patience: PATIENCE });
const { server } = bucket;
let places = 0;
const place = () => bucket.open(bucket.url(`streamed-${++places}`), { ...opening, clock: hurried });
after(() => server[Symbol.asyncDispose]());
afterEach(() => server.faults.clear());

const bytes = noise(5 * MIB);
const blob = blobOf(bytes);
const now = () => server.journal.entries.at(-1)?.number ?? 0;

/** Bytes that can be had again, and how often they were. */
function repeatable(given = bytes) {
  const asked = { times: 0 };
  async function* again() {
    asked.times++;
    for (let at = 0; at < given.length; at += 700_000) {
      await systemClock.sleep(0);
      yield given.subarray(at, at + 700_000);
    }
  }
  return { asked, again };
}

async function upload(backend: Backend, source = repeatable()): Promise<void> {
  await using ingest = await backend.blobs.ingest({ expect: blob, again: source.again });
  for (let at = 0; at < bytes.length; at += MIB) {
    await write(ingest.writable, bytes.subarray(at, at + MIB));
  }
  await ingest.commit(blob);
}

describe("a blob whose bytes can be had again", () => {
  it("goes out in one request, as it comes", async () => {
    const backend = await place();
    const since = now();
    const source = repeatable();
    await upload(backend, source);
    assert.deepEqual(server.journal.tally({ after: since }), { PutObject: 1 });
    assert.equal(source.asked.times, 0);
    await assertStored(backend, bytes);
  });

  const failures: Readonly<Record<string, Fault>> = {
    "refused for want of time": { kind: "status", status: 503, code: "SlowDown" },
    "refused before it was read": { kind: "early", status: 500, code: "InternalError" },
    "cut off before it was read": { kind: "drop", when: "head", by: "rst" },
    "cut off after all was done": { kind: "drop", when: "applied", by: "fin" },
    "left without an answer": { kind: "stall", where: "head", ms: 4 * PATIENCE },
    "left unread": { kind: "stall", where: "upload", ms: 4 * PATIENCE },
  };
  for (const [name, fault] of Object.entries(failures)) {
    it(`is asked for them when its request is ${name}, twice`, async () => {
      const backend = await place();
      const source = repeatable();
      server.faults.add({ op: "PutObject", times: 2, fault });
      await upload(backend, source);
      assert.equal(source.asked.times, 2);
      await assertStored(backend, bytes);
    });
  }

  it("is not stored if they are others by then", async () => {
    for (const changed of [noise(bytes.length, 5), bytes.subarray(1), new Uint8Array(0)]) {
      const backend = await place();
      const fault = { kind: "status", status: 503, code: "SlowDown" } as const;
      server.faults.add({ op: "PutObject", fault });
      await fails(upload(backend, repeatable(changed)), "corrupt");
      assert.deepEqual(await listed(backend), []);
    }
  });

  it("is not stored if they cannot be had, and the writer is told why", async () => {
    const backend = await place();
    server.faults.add({ op: "PutObject", fault: { kind: "drop", when: "head", by: "rst" } });
    const again = () => {
      throw new OciError("not_found", "Cannot read the source: it is gone");
    };
    await fails(upload(backend, { asked: { times: 0 }, again }), "not_found");
    assert.deepEqual(await listed(backend), []);
  });

  it("is refused while it is written, not when all of it was", async () => {
    const backend = await place();
    const fault = { kind: "early", status: 403, code: "AccessDenied" } as const;
    server.faults.add({ op: "PutObject", fault });
    await using ingest = await backend.blobs.ingest({ expect: blob, again: repeatable().again });
    await write(ingest.writable, bytes.subarray(0, MIB));
    await systemClock.sleep(200);
    await fails(write(ingest.writable, bytes.subarray(MIB)), "refused");
  });

  it("publishes nothing if another number of bytes was written, or another digest is said", async () => {
    const backend = await place();
    for (const written of [bytes.subarray(1), noise(5 * MIB + 1)]) {
      await using ingest = await backend.blobs.ingest({ expect: blob, again: repeatable().again });
      await write(ingest.writable, written);
      await fails(ingest.commit(blob), "corrupt");
    }
    await using ingest = await backend.blobs.ingest({ expect: blob, again: repeatable().again });
    await write(ingest.writable, bytes);
    await fails(ingest.commit({ ...blob, digest: blobOf(bytes.subarray(1)).digest }), "invalid");
    assert.deepEqual(await listed(backend), []);
  });

  it("may take longer to come, and to be committed, than a server may be silent", async () => {
    const backend = await place();
    const source = repeatable();
    await using ingest = await backend.blobs.ingest({ expect: blob, again: source.again });
    await write(ingest.writable, bytes.subarray(0, MIB));
    await systemClock.sleep(2 * PATIENCE);
    await write(ingest.writable, bytes.subarray(MIB));
    await systemClock.sleep(2 * PATIENCE);
    await ingest.commit(blob);
    assert.equal(source.asked.times, 0);
    await assertStored(backend, bytes);
  });

  it("keeps no turn from what its commit waits for, however slow the server asks it to be", async () => {
    const backend = await place();
    const fault = { kind: "status", status: 503, code: "SlowDown" } as const;
    server.faults.add({ op: "HeadObject", times: 5, fault });
    await backend.blobs.stat(blob.digest);
    const ingests = [];
    for (let at = 0; at < 4; at++) {
      const other = noise(2 * MIB, at);
      const { again } = repeatable(other);
      const ingest = await backend.blobs.ingest({ expect: blobOf(other), again });
      await write(ingest.writable, other);
      ingests.push({ ingest, other });
    }
    assert.equal(await backend.blobs.stat(blob.digest), undefined);
    for (const { ingest, other } of ingests) {
      await ingest.commit(blobOf(other));
      await assertStored(backend, other);
    }
  });
});
