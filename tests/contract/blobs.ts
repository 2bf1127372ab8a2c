import assert from "node:assert/strict";
import { type BlobInfo, isOciError, OciError } from "../../core/mod.ts";
import {
  all,
  assertBytes,
  assertStored,
  blobOf,
  bytesOf,
  type Cases,
  fails,
  listed,
  moment,
  needs,
  noise,
  put,
  read,
  seen,
  skip,
  utf8,
} from "./suite.ts";

/** Blobs that are there: looked at, read, listed, adopted. */
export const blobs: Cases = {
  "a blob that is not there is undefined to stat and not_found to read": async ({ place }) => {
    const store = await place();
    const { digest } = blobOf(utf8("nowhere"));
    assert.equal(await store.blobs.stat(digest), undefined);
    await fails(store.blobs.read(digest), "not_found");
    await fails(store.blobs.read(digest, { start: 1, end: 2 }), "not_found");
    assert.deepEqual(await listed(store), []);
  },

  "what was stored is read back whole, by a second opening too": async ({ place, reopen }) => {
    const store = await place();
    for (const bytes of [utf8("hello"), noise(3_000_000), utf8("")]) {
      const { digest, size } = blobOf(bytes);
      assert.equal((await put(store, bytes)).size, size);
      await assertStored(store, bytes);
      const other = await reopen(store);
      assert.equal((await seen(other, digest)).size, size);
      await assertStored(other, bytes);
    }
  },

  "a sha512 digest is a name like any other": async ({ place }) => {
    const store = await place();
    const bytes = utf8("long name");
    const { digest } = blobOf(bytes, "sha512");
    const blob = await put(store, bytes, digest);
    assert.deepEqual([blob.digest, blob.size], [digest, bytes.length]);
    await assertStored(store, bytes, digest);
    assert.deepEqual(await listed(store), [digest]);
    assert.equal(await store.blobs.stat(blobOf(bytes).digest), undefined);
  },

  "a range begins at start and ends before end": async ({ place }) => {
    const store = await place();
    const bytes = noise(2_500_000);
    const { digest, size } = await put(store, bytes);
    const ranges = [
      { start: 0, end: 1 },
      { start: 5, end: 9 },
      { start: 1_048_575, end: 1_048_577 },
      { start: size - 3 },
      { end: 4 },
      { start: 7, end: 7 },
      { start: size },
      { start: size - 2, end: size + 100 },
      {},
    ];
    for (const range of ranges) {
      const found = await bytesOf(await store.blobs.read(digest, range));
      assertBytes(found, bytes.slice(range.start, range.end), JSON.stringify(range));
    }
  },

  "readers stand beside each other, and one may stop early": async ({ place }) => {
    const store = await place();
    const bytes = noise(3_000_000);
    const { digest } = await put(store, bytes);
    const early = (await store.blobs.read(digest)).getReader();
    const first = await early.read();
    assert.ok(first.value && first.value.length > 0);
    await early.cancel();
    const copies = await Promise.all([
      read(store, digest),
      read(store, digest),
      read(store, digest),
    ]);
    for (const copy of copies) assertBytes(copy, bytes);
  },

  "what a reader does to its chunks does not reach the blob": async ({ place }) => {
    const store = await place();
    const bytes = noise(1000);
    const { digest } = await put(store, bytes);
    for await (const chunk of await store.blobs.read(digest)) chunk.fill(0);
    await assertStored(store, bytes);
  },

  "a listing yields every blob with its size, and none that is skipped": async ({ place }) => {
    const store = await place();
    const contents = Array.from({ length: 20 }, (_, i) => noise(i * 10, i + 1));
    const stored = [];
    for (const bytes of contents) stored.push(await put(store, bytes));
    stored.push(await put(store, utf8("x"), blobOf(utf8("x"), "sha512").digest));
    const sizes = (list: readonly { digest: string; size: number }[]) =>
      list.map(({ digest, size }) => `${digest} ${size}`).sort();
    assert.deepEqual(sizes(await all(store.blobs.list())), sizes(stored));
    const half = stored.filter((_, i) => i % 2 === 0);
    const skip = new Set(half.map(({ digest }) => digest));
    const rest = await all(store.blobs.list({ skip: (digest) => skip.has(digest) }));
    assert.deepEqual(sizes(rest), sizes(stored.filter(({ digest }) => !skip.has(digest))));
  },

  "a listing says of a blob what stat says": async ({ place }) => {
    const store = await place();
    const stored = await put(store, utf8("one"));
    const [entry] = await all(store.blobs.list());
    assert.ok(entry);
    const told = ({ digest, size, version }: BlobInfo) => ({ digest, size, version });
    assert.deepEqual(told(entry), told(stored));
  },

  "a listing goes on while blobs come and go, and misses none that stays": async (
    { place, reopen },
  ) => {
    const store = await place();
    const other = await reopen(store);
    const stay = [];
    for (let i = 0; i < 40; i++) stay.push((await put(store, noise(10, 100 + i))).digest);
    const found = new Set<string>();
    let n = 0;
    for await (const { digest } of store.blobs.list()) {
      found.add(digest);
      if (n++ % 4 === 0) await other.blobs.delete([await put(other, noise(20, 1000 + n))]);
    }
    assert.deepEqual(stay.filter((digest) => !found.has(digest)), []);
  },

  "adopting says true only of a blob that is then in place": async ({ place }) => {
    const [source, store] = [await place(), await place()];
    needs(store.blobs, "adopt");
    const bytes = noise(70_000);
    const { digest, size } = await put(source, bytes);
    const adopted = await store.blobs.adopt(source.url, { digest, size });
    assert.equal((await store.blobs.stat(digest))?.size, adopted ? size : undefined);
    if (adopted) await assertStored(store, bytes);
    // The adopted blob is a copy of its own: it survives its source.
    await source.blobs.delete([await seen(source, digest)]);
    if (adopted) await assertStored(store, bytes);
  },

  "a blob that is adopted to be read later is there at once, and by itself after the next swap":
    async (
      { place, reopen },
    ) => {
      const [source, store] = [await place(), await place()];
      needs(store.blobs, "adopt");
      const bytes = noise(70_000);
      const { digest, size } = await put(source, bytes);
      let reads = 0;
      const later = async function* () {
        reads++;
        await moment();
        yield bytes.slice(0, 1000);
        yield bytes.slice(1000);
      };
      if (!await store.blobs.adopt(source.url, { digest, size }, later)) skip("it declines");
      assert.equal((await seen(store, digest)).size, size);
      assert.deepEqual(await listed(store), [digest]);
      await assertStored(store, bytes);
      await store.docs.swap("index.json", '{"manifests":[]}', undefined);
      const before = reads;
      await source.blobs.delete([await seen(source, digest)]);
      await assertStored(store, bytes);
      await assertStored(await reopen(store), bytes);
      assert.equal(reads, before, "it was read again");
    },

  "what is read later and is not right fails the swap by its name, and is in no other's way":
    async (
      { place, reopen },
    ) => {
      const store = await place();
      needs(store.blobs, "adopt");
      const right = noise(70_000, 1);
      const other = noise(70_000, 2);
      const [bad, good] = [blobOf(other), blobOf(right)];
      const { url } = await place();
      const wrong: readonly (() => AsyncIterable<Uint8Array>)[] = [
        async function* () {
          await moment();
          yield right;
        },
        async function* () {
          await moment();
          yield other.subarray(1);
        },
        async function* () {
          await moment();
          yield other;
          yield utf8("more");
        },
        // deno-lint-ignore require-yield
        async function* () {
          await moment();
          throw new OciError("corrupt", "Cannot read it", { digest: bad.digest });
        },
      ];
      let index = await store.docs.swap("index.json", "{}", undefined);
      for (const [n, bytes] of wrong.entries()) {
        if (!await store.blobs.adopt(url, bad, bytes)) return;
        await store.blobs.adopt(url, good, async function* () {
          await moment();
          yield right;
        });
        const swapped = store.docs.swap("index.json", `{"n":${n}}`, index);
        const error = await swapped.then(() => undefined, (error: unknown) => error);
        assert.ok(isOciError(error, "corrupt"), String(error));
        assert.equal(error.digest, bad.digest);
        assert.equal((await store.docs.load("index.json"))?.text, index?.text);
        assert.equal(await store.blobs.stat(bad.digest), undefined);
        index = await store.docs.swap("index.json", `{"n":${n}}`, index);
        assert.deepEqual(await listed(await reopen(store)), [good.digest]);
      }
      await assertStored(store, right);
    },

  "adopting what the source lacks, holds in another size, or cannot be reached is declined": async (
    { place },
  ) => {
    const [source, store] = [await place(), await place()];
    needs(store.blobs, "adopt");
    const missing = blobOf(utf8("missing"));
    assert.equal(await store.blobs.adopt(source.url, missing), false);
    const { digest, size } = await put(source, utf8("short"));
    assert.equal(await store.blobs.adopt(source.url, { digest, size: size + 1 }), false);
    assert.equal(await store.blobs.adopt(new URL("stowage-nowhere:/x"), { digest, size }), false);
    assert.deepEqual(await listed(store), []);
  },
};
