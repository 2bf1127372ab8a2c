import assert from "node:assert/strict";
import type { Backend, Ingest, IngestStatus } from "../../core/mod.ts";
import {
  all,
  assertBytes,
  assertStored,
  blobOf,
  bytesOf,
  type Cases,
  fails,
  listed,
  noise,
  utf8,
  write,
} from "./suite.ts";

const REF = "upload/of layer 1";
const [head, tail] = [noise(1_500_000, 7), noise(700_000, 8)];
const whole = new Uint8Array([...head, ...tail]);

/** Opens the named ingest, writes, and leaves it. */
async function leave(store: Backend, ref: string, ...chunks: Uint8Array[]): Promise<void> {
  await using ingest = await store.blobs.ingest({ ref });
  await write(ingest.writable, ...chunks);
}

async function statusOf(store: Backend, ref: string): Promise<IngestStatus | undefined> {
  return (await all(store.blobs.ingests())).find((status) => status.ref === ref);
}

async function stored(ingest: Ingest): Promise<Uint8Array> {
  return await bytesOf(await ingest.stored());
}

/** Named writes: kept when they are left, gone on with in another process, ended from elsewhere. */
export const resuming: Cases = {
  "a named write that is left goes on where it was, in another opening": async (
    { place, reopen },
  ) => {
    const store = await place();
    await leave(store, REF, head);
    const status = await statusOf(store, REF);
    assert.equal(status?.offset, head.length);
    const other = await reopen(store);
    assert.deepEqual(await statusOf(other, REF), status);
    await using ingest = await other.blobs.ingest({ ref: REF });
    assert.equal(ingest.status.offset, head.length);
    assert.deepEqual(ingest.status.startedAt, status?.startedAt);
    assertBytes(await stored(ingest), head);
    await write(ingest.writable, tail);
    await ingest.commit(blobOf(whole));
    await assertStored(store, whole);
    assert.equal(await statusOf(store, REF), undefined);
  },

  "a named write survives a source that fails": async ({ place }) => {
    const store = await place();
    {
      await using ingest = await store.blobs.ingest({ ref: REF });
      let n = 0;
      const source = new ReadableStream<Uint8Array>({
        pull: (controller) =>
          n++ === 0 ? controller.enqueue(head) : controller.error(new Error("cut")),
      }, { highWaterMark: 0 });
      await assert.rejects(source.pipeTo(ingest.writable), /cut/);
    }
    await using ingest = await store.blobs.ingest({ ref: REF });
    assertBytes(await stored(ingest), head);
  },

  "names are told apart by every character": async ({ place }) => {
    const store = await place();
    const refs = ["a", "A", "a/b", "a//b", "../a", "a b", "ä", "%61", "x".repeat(512)];
    for (const [i, ref] of refs.entries()) await leave(store, ref, noise(i + 1));
    for (const [i, ref] of refs.entries()) {
      assert.equal((await statusOf(store, ref))?.offset, i + 1, ref);
    }
    assert.equal((await all(store.blobs.ingests())).length, refs.length);
  },

  "size and digest expected are remembered, and need not be said again": async ({ place }) => {
    const store = await place();
    const { digest, size } = blobOf(whole);
    await leave(store, REF, head);
    for (const expect of [{ size }, { digest }, { size, digest }, {}]) {
      await using ingest = await store.blobs.ingest({ ref: REF, expect });
      assert.equal(ingest.status.offset, head.length);
    }
    const status = await statusOf(store, REF);
    assert.deepEqual([status?.total, status?.expected], [size, digest]);
  },

  "another size, or another digest, starts afresh": async ({ place }) => {
    const store = await place();
    const { digest, size } = blobOf(whole);
    const small = blobOf(utf8("small"));
    for (const other of [{ size: 5 }, { digest: small.digest }, small]) {
      {
        await using ingest = await store.blobs.ingest({ ref: REF, expect: { digest, size } });
        await write(ingest.writable, head);
      }
      await using ingest = await store.blobs.ingest({ ref: REF, expect: other });
      assert.equal(ingest.status.offset, 0);
      assert.equal((await stored(ingest)).length, 0);
      assert.equal(ingest.status.total, other.size);
      assert.equal(ingest.status.expected, other.digest);
      await write(ingest.writable, utf8("small"));
      await ingest.commit(small);
      await assertStored(store, utf8("small"));
    }
  },

  "a commit of another size than was written is corrupt, publishes nothing and keeps the bytes":
    async ({ place }) => {
      const store = await place();
      const { digest, size } = blobOf(whole);
      {
        await using ingest = await store.blobs.ingest({ ref: REF });
        await write(ingest.writable, head);
        await fails(ingest.commit({ digest, size }), "corrupt");
      }
      assert.equal(await store.blobs.stat(digest), undefined);
      assert.equal((await statusOf(store, REF))?.offset, head.length);
    },

  "after commit the name is free, and a late commit does not touch its new owner": async (
    { place, reopen },
  ) => {
    const store = await place();
    const other = await reopen(store);
    await using first = await store.blobs.ingest({ ref: REF });
    await write(first.writable, head);
    await first.commit(blobOf(head));
    await using second = await other.blobs.ingest({ ref: REF });
    assert.equal(second.status.offset, 0);
    await write(second.writable, tail);
    await assert.rejects(first.commit(blobOf(head)));
    await first[Symbol.asyncDispose]();
    await second.commit(blobOf(tail));
    await assertStored(store, tail);
    await assertStored(store, head);
  },

  "abort removes a named write and its bytes; an unknown name is not_found": async (
    { place, reopen },
  ) => {
    const store = await place();
    await fails(store.blobs.abort(REF), "not_found");
    await leave(store, REF, head);
    await (await reopen(store)).blobs.abort(REF);
    assert.equal(await statusOf(store, REF), undefined);
    await fails(store.blobs.abort(REF), "not_found");
    await using ingest = await store.blobs.ingest({ ref: REF });
    assert.equal(ingest.status.offset, 0);
    assert.equal((await stored(ingest)).length, 0);
  },

  "abort under an open writer: its commit is aborted, and nothing is published": async (
    { place, reopen },
  ) => {
    const store = await place();
    await using ingest = await store.blobs.ingest({ ref: REF });
    await write(ingest.writable, head);
    await (await reopen(store)).blobs.abort(REF);
    await fails(ingest.commit(blobOf(head)), "aborted");
    assert.deepEqual(await listed(store), []);
    assert.equal(await statusOf(store, REF), undefined);
  },

  "abort under an open writer: it can write no whole blob, and its name's new owner is left alone":
    async (
      { place, reopen },
    ) => {
      const store = await place();
      const other = await reopen(store);
      await using ingest = await store.blobs.ingest({ ref: REF });
      await write(ingest.writable, head);
      await other.blobs.abort(REF);
      await using next = await other.blobs.ingest({ ref: REF });
      assert.equal(next.status.offset, 0);
      await write(next.writable, tail);
      // A write may be gathered before it is stored; the commit may not.
      await write(ingest.writable, tail).catch((error) => fails(Promise.reject(error), "aborted"));
      await fails(ingest.commit(blobOf(whole)), "aborted");
      await ingest[Symbol.asyncDispose]();
      await next.commit(blobOf(tail));
      await assertStored(store, tail);
      assert.deepEqual(await listed(store), [blobOf(tail).digest]);
    },
};
