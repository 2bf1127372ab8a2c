import assert from "node:assert/strict";
import {
  all,
  assertStored,
  blobOf,
  type Cases,
  listed,
  moment,
  noise,
  put,
  read,
  seen,
  utf8,
  write,
} from "./suite.ts";

const [head, tail] = [noise(1_500_000, 7), noise(700_000, 8)];
const whole = new Uint8Array([...head, ...tail]);

/** Writes: invisible until they are committed, and then whole. */
export const ingests: Cases = {
  "nothing shows before commit, and all of it afterwards": async ({ place }) => {
    const store = await place();
    const { digest, size } = blobOf(whole);
    await using ingest = await store.blobs.ingest({ expect: { digest, size } });
    await write(ingest.writable, head, tail);
    assert.equal(await store.blobs.stat(digest), undefined);
    assert.deepEqual(await listed(store), []);
    await ingest.commit({ digest, size });
    await assertStored(store, whole);
  },

  "an unnamed write that is left leaves no trace": async ({ place }) => {
    const store = await place();
    {
      await using ingest = await store.blobs.ingest();
      await write(ingest.writable, head);
      assert.equal(ingest.status.ref, "");
      assert.deepEqual(await all(store.blobs.ingests()), []);
    }
    assert.deepEqual(await all(store.blobs.ingests()), []);
    assert.deepEqual(await listed(store), []);
  },

  "a commit may follow a closed writable, as a pipe leaves it": async ({ place }) => {
    const store = await place();
    await using ingest = await store.blobs.ingest();
    await new Blob([whole]).stream().pipeTo(ingest.writable);
    await ingest.commit(blobOf(whole));
    await assertStored(store, whole);
  },

  "a chunk is the writer's again once its write has resolved": async ({ place }) => {
    const store = await place();
    const bytes = noise(300_000);
    const buffer = new Uint8Array(100_000);
    await using ingest = await store.blobs.ingest();
    for (let at = 0; at < bytes.length; at += buffer.length) {
      buffer.set(bytes.subarray(at, at + buffer.length));
      await write(ingest.writable, buffer);
    }
    buffer.fill(0);
    await moment();
    await ingest.commit(blobOf(bytes));
    await assertStored(store, bytes);
  },

  "a writer that can give its bytes again needs not, and nothing shows before its commit either":
    async ({ place }) => {
      const store = await place();
      const blob = blobOf(whole);
      const buffer = new Uint8Array(100_000);
      let given = 0;
      const again = () => (given++, new Blob([whole]).stream());
      {
        await using dropped = await store.blobs.ingest({ expect: blob, again });
        await write(dropped.writable, whole);
      }
      assert.deepEqual(await listed(store), []);
      await using ingest = await store.blobs.ingest({ expect: blob, again });
      for (let at = 0; at < whole.length; at += buffer.length) {
        const chunk = whole.subarray(at, at + buffer.length);
        buffer.set(chunk);
        await write(ingest.writable, buffer.subarray(0, chunk.length));
      }
      buffer.fill(0);
      await moment();
      assert.deepEqual(await listed(store), []);
      await ingest.commit(blob);
      await assertStored(store, whole);
      assert.equal(given, 0);
    },

  "a blob of 0 bytes needs no write": async ({ place }) => {
    const store = await place();
    const empty = blobOf(utf8(""));
    await using ingest = await store.blobs.ingest();
    await ingest.commit(empty);
    assert.equal((await seen(store, empty.digest)).size, 0);
    assert.equal((await read(store, empty.digest)).length, 0);
  },

  "eight writers of one blob all succeed, and so does a ninth": async ({ place, reopen }) => {
    const store = await place();
    const stores = [store, await reopen(store)];
    const { digest } = blobOf(head);
    await Promise.all(Array.from({ length: 8 }, (_, i) => put(stores[i % 2] ?? store, head)));
    await put(store, head);
    await assertStored(store, head);
    assert.deepEqual(await listed(store), [digest]);
  },

  "a commit replaces a present copy of another size": async ({ place, damage }) => {
    const store = await place();
    const { digest, size } = blobOf(head);
    await damage(store, digest, utf8("torn"));
    assert.equal((await seen(store, digest)).size, 4);
    assert.equal((await put(store, head)).size, size);
    await assertStored(store, head);
    assert.deepEqual(await listed(store), [digest]);
  },
};
