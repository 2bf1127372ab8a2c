import assert from "node:assert/strict";
import { after, afterEach, describe, it } from "node:test";
import { type Backend, systemClock } from "../../../core/mod.ts";
import { partSize } from "../../../plugins/s3/multipart.ts";
import { s3 } from "../../../plugins/s3/mod.ts";
import { assertStored, blobOf, fails, noise, read, write } from "../../contract/suite.ts";
import { opening, startBucket } from "./buckets.ts";

const MIB = 1 << 20;
const bucket = await startBucket({}, { patience: 1_000 });
const { server } = bucket;
after(() => server[Symbol.asyncDispose]());
afterEach(() => server.faults.clear());

const bytes = noise(26 * MIB);
const blob = blobOf(bytes);

/** Writes in pieces that are no parts. */
async function upload(backend: Backend, expect: Partial<typeof blob> = {}): Promise<void> {
  await using ingest = await backend.blobs.ingest({ expect });
  for (let at = 0; at < bytes.length; at += 3 * MIB) {
    await write(ingest.writable, bytes.subarray(at, at + 3 * MIB));
  }
  await ingest.commit(blob);
}

const uploadsLeft = () => server.store.buckets.get("test")?.uploads.size;
const keysOf = (backend: Backend) => {
  const prefix = `${backend.url.pathname.slice(1)}/`;
  return [...server.store.buckets.get("test")?.keys ?? []]
    .filter(([key, { versions }]) => key.startsWith(prefix) && versions.at(-1)?.object)
    .map(([key]) => key.slice(prefix.length))
    .filter((key) => !key.endsWith("probe.json"));
};
const now = () => server.journal.entries.at(-1)?.number ?? 0;

describe("uploads", () => {
  it("of no more than a part go out at once, signed by their digest", async () => {
    const backend = await bucket.place();
    const small = bytes.subarray(0, 8 * MIB);
    const after = now();
    await using ingest = await backend.blobs.ingest({ expect: blobOf(small) });
    for (let at = 0; at < small.length; at += MIB) {
      await write(ingest.writable, small.subarray(at, at + MIB));
    }
    await ingest.commit(blobOf(small));
    assert.deepEqual(server.journal.tally({ after }), { PutObject: 1 });
    await assertStored(backend, small);
  });

  it("that turn out larger than was said go on in parts, and publish nothing", async () => {
    const backend = await bucket.place();
    {
      await using ingest = await backend.blobs.ingest({ expect: blobOf(noise(5 * MIB)) });
      await write(ingest.writable, bytes);
      await fails(ingest.commit(blobOf(noise(5 * MIB))), "corrupt");
    }
    assert.deepEqual([keysOf(backend), uploadsLeft()], [[], 0]);
  });
});

describe("uploads in parts", () => {
  it("of a digest that is known go to its key, in equal parts", async () => {
    const backend = await bucket.place();
    const after = now();
    await upload(backend, blob);
    await assertStored(backend, bytes);
    const parts = server.journal.find({ op: "UploadPart", after });
    assert.deepEqual(
      parts.map(({ received }) => received).sort(),
      [2, 8, 8, 8].map((n) => n * MIB),
    );
    assert.equal(server.journal.count({ op: "CopyObject", after }), 0);
    assert.equal(uploadsLeft(), 0);
  });

  it("of one that is not are copied to it within the store, and leave nothing else", async () => {
    const backend = await bucket.place();
    await upload(backend);
    await assertStored(backend, bytes);
    assert.deepEqual(keysOf(backend), [`blobs/sha256/${blob.digest.slice(7)}`]);
  });

  it("that are dropped leave nothing", async () => {
    const backend = await bucket.place();
    for (const expect of [{}, blob]) {
      await using ingest = await backend.blobs.ingest({ expect });
      await write(ingest.writable, bytes);
    }
    assert.deepEqual([uploadsLeft(), keysOf(backend)], [0, []]);
  });

  it("that end with another size than was said publish nothing", async () => {
    const backend = await bucket.place();
    {
      await using ingest = await backend.blobs.ingest({ expect: blob });
      await write(ingest.writable, bytes.subarray(1));
      await fails(ingest.commit(blob), "corrupt");
    }
    assert.deepEqual([uploadsLeft(), keysOf(backend)], [0, []]);
  });

  it("send a part again that the server had no time for, and no other", async () => {
    const backend = await bucket.place();
    const after = now();
    const fault = { kind: "status", status: 503, code: "SlowDown" } as const;
    server.faults.add({ op: "UploadPart", nth: 2, times: 2, fault });
    await upload(backend, blob);
    await assertStored(backend, bytes);
    assert.equal(server.journal.count({ op: "UploadPart", after }), 6);
  });

  for (
    const [name, personality, fault] of [
      ["an answer that tells no ETag", "rgw16", undefined],
      ["an answer that got lost", "aws", { kind: "drop", when: "applied", by: "rst" }],
      ["200 with an error in it", "aws", { kind: "error200", code: "InternalError" }],
      ["200 with an error in it, applied", "aws", {
        kind: "error200",
        code: "InternalError",
        applied: true,
      }],
      ["blanks while the server works", "aws", { kind: "blanks", ms: 500 }],
    ] as const
  ) {
    it(`survive, when they are completed, ${name}`, async () => {
      await using other = await startBucket({ personality });
      const backend = await other.place();
      if (fault) {
        other.server.faults.add({ op: ["CompleteMultipartUpload", "CopyObject"], times: 2, fault });
      }
      for (const expect of [blob, {}]) {
        await upload(backend, expect);
        await assertStored(backend, bytes);
      }
      assert.equal(other.server.store.buckets.get("test")?.uploads.size, 0);
    });
  }

  it("go on with fresh credentials when theirs end", async () => {
    await using other = await startBucket();
    const { accessKey, secretKey } = other.server;
    let fetched = 0;
    const open = s3({
      credentials: (renew) => {
        if (renew) {
          fetched++;
          const first = { accessKey, secretKey, expires: 0 };
          other.server.change({ auth: { keys: [first, { accessKey: "second", secretKey }] } });
        }
        const accessKeyId = fetched > 0 ? "second" : accessKey;
        return Promise.resolve({ accessKeyId, secretAccessKey: secretKey });
      },
    }).backends?.["s3"] ?? assert.fail();
    await using backend = await open(other.url("expiring"), opening);
    other.server.faults.add({ op: "UploadPart", nth: 2, fault: { kind: "expire" } });
    const after = other.server.journal.entries.length;
    await upload(backend, blob);
    await assertStored(backend, bytes);
    assert.ok(fetched >= 1);
    const { entries } = other.server.journal;
    const starts = entries.slice(after).filter(({ operation }) =>
      operation === "CreateMultipartUpload"
    );
    assert.equal(starts.length, 1);
  });

  it("have parts large enough that ten thousand hold any known size", () => {
    assert.equal(partSize(undefined), 8 * MIB);
    for (const total of [1, 70e9, 80e9, 5e12]) {
      assert.ok(total / partSize(total) <= 10_000);
      assert.equal(partSize(total) % MIB, 0);
    }
  });
});

describe("uploads under a name", () => {
  const ref = "layer/of an image";
  const half = 10 * MIB;

  it("go in parts to a place of their own, and to their key within the store", async () => {
    const backend = await bucket.place();
    const after = now();
    await using ingest = await backend.blobs.ingest({ ref, expect: blob });
    await write(ingest.writable, bytes);
    await ingest.commit(blob);
    await assertStored(backend, bytes);
    const { UploadPart, CopyObject, UploadPartCopy = 0 } = server.journal.tally({ after });
    assert.deepEqual([UploadPart, CopyObject, UploadPartCopy], [4, 1, 0]);
    assert.deepEqual(keysOf(backend), [`blobs/sha256/${blob.digest.slice(7)}`]);
  });

  it("that were left, or whose writer died, are gone on with by another", async () => {
    for (const died of [false, true]) {
      const backend = await bucket.place();
      const ingest = await backend.blobs.ingest({ ref, expect: blob });
      await write(ingest.writable, bytes.subarray(0, half));
      if (died) await systemClock.sleep(300);
      else await ingest[Symbol.asyncDispose]();
      await using other = await bucket.open(backend.url, opening);
      await using next = await other.blobs.ingest({ ref, expect: blob });
      const { offset } = next.status;
      assert.ok(offset === (died ? 8 * MIB : half), `${offset} bytes were kept`);
      const stored = new Uint8Array(await new Response(await next.stored()).arrayBuffer());
      assert.deepEqual(blobOf(stored), blobOf(bytes.subarray(0, offset)));
      await write(next.writable, bytes.subarray(offset));
      await next.commit(blob);
      await assertStored(other, bytes);
      assert.deepEqual(keysOf(other), [`blobs/sha256/${blob.digest.slice(7)}`]);
      assert.equal(uploadsLeft(), 0);
      // Who was thought dead, and is not, cannot harm.
      if (died) {
        await fails(
          ingest.commit(blob).catch((error) => Promise.reject(error)),
          "aborted",
          "corrupt",
        );
      }
    }
  });

  it("that are ended take their parts with them", async () => {
    const backend = await bucket.place();
    const ingest = await backend.blobs.ingest({ ref, expect: blob });
    await write(ingest.writable, bytes.subarray(0, half));
    await backend.blobs.abort(ref);
    await fails(
      write(ingest.writable, bytes.subarray(half)).then(() => ingest.commit(blob)),
      "aborted",
    );
    await ingest[Symbol.asyncDispose]();
    assert.deepEqual([uploadsLeft(), keysOf(backend)], [0, []]);
  });

  it("of writers long dead are dropped with what they staged", async () => {
    const backend = await bucket.place();
    const ingest = await backend.blobs.ingest();
    await write(ingest.writable, bytes.subarray(0, half));
    await systemClock.sleep(300);
    assert.equal(uploadsLeft(), 1);
    assert.equal(await backend.blobs.tidy?.(new Date(Date.now() - 60_000)), 0);
    assert.equal(await backend.blobs.tidy?.(new Date(Date.now() + 60_000)), 1);
    assert.equal(uploadsLeft(), 0);
    await ingest[Symbol.asyncDispose]();
  });
});

describe("downloads", () => {
  it("that are cut go on where they were", async () => {
    const backend = await bucket.place();
    await upload(backend, blob);
    for (const by of ["fin", "rst"] as const) {
      server.faults.add({ op: "GetObject", times: 2, fault: { kind: "cut", at: 12 * MIB, by } });
      await assertStored(backend, bytes);
      server.faults.clear();
    }
  });

  it("of what was replaced meanwhile are a conflict, never a mixture", async () => {
    const backend = await bucket.place();
    await upload(backend, blob);
    server.faults.add({ op: "GetObject", fault: { kind: "cut", at: 12 * MIB, by: "fin" } });
    const reader = (await backend.blobs.read(blob.digest)).getReader();
    await reader.read();
    const stored = server.store.buckets.get("test")?.keys
      .get(`${backend.url.pathname.slice(1)}/blobs/sha256/${blob.digest.slice(7)}`);
    const version = stored?.versions.at(-1) ?? assert.fail();
    Object.assign(version.object ?? {}, { etag: "another" });
    const rest = async () => {
      while (!(await reader.read()).done);
    };
    await fails(rest(), "conflict");
  });

  it("of a range begin where they should though the server sends all", async () => {
    await using other = await startBucket({ switches: { range: "ignored" } });
    const backend = await other.place();
    await upload(backend, blob);
    const stream = await backend.blobs.read(blob.digest, { start: 100, end: 9 * MIB });
    const found = new Uint8Array(
      await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
    );
    assert.deepEqual(blobOf(found), blobOf(bytes.subarray(100, 9 * MIB)));
  });

  it("by a reader that pauses are no stall", async () => {
    const backend = await bucket.place();
    await upload(backend, blob);
    const reader = (await backend.blobs.read(blob.digest)).getReader();
    await reader.read();
    await systemClock.sleep(1_500);
    const { done } = await reader.read();
    assert.equal(done, false);
    await reader.cancel();
    assert.equal((await read(backend, blob.digest)).length, bytes.length);
  });
});
