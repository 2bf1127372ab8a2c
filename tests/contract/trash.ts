import assert from "node:assert/strict";
import {
  all,
  assertStored,
  blobOf,
  type Cases,
  listed,
  needs,
  noise,
  put,
  seen,
  utf8,
} from "./suite.ts";

/** What comes back. */
export const trashed: Cases = {
  "what a batch removed is in the trash, and comes back whole": async ({ place, reopen }) => {
    const store = await place();
    needs(store.blobs, "trash");
    const { trash } = store.blobs;
    const bytes = noise(50_000);
    const blob = await put(store, bytes);
    assert.deepEqual(await all(trash.list()), []);
    const [removal] = await store.blobs.delete([blob], { batch: "7" });
    assert.equal(removal?.outcome, "removed");
    assert.deepEqual(await listed(store), []);
    const [entry, ...more] = await all((await reopen(store)).blobs.trash?.list() ?? trash.list());
    assert.deepEqual([entry?.batch, entry?.digest, entry?.size], ["7", blob.digest, blob.size]);
    assert.ok(Math.abs((entry?.removed.getTime() ?? 0) - Date.now()) < 60_000);
    assert.equal(more.length, 0);
    assert.equal(await trash.restore("7", blob.digest), true);
    assert.deepEqual(await listed(store), [blob.digest]);
    await assertStored(store, bytes);
    assert.deepEqual(await all(trash.list()), []);
  },

  "restoring never replaces a copy that stands there, and is false for what is nowhere": async (
    { place },
  ) => {
    const store = await place();
    needs(store.blobs, "trash");
    const { trash } = store.blobs;
    await store.blobs.delete([await put(store, utf8("old"))], { batch: "1" });
    const stands = await put(store, utf8("old"));
    assert.equal(await trash.restore("1", stands.digest), true);
    assert.deepEqual(await seen(store, stands.digest), stands);
    assert.equal(await trash.restore("1", blobOf(utf8("never")).digest), false);
    assert.equal(await trash.restore("no-such-batch", blobOf(utf8("never")).digest), false);
  },

  "a purge is for good, for one blob, and repeatable": async ({ place }) => {
    const store = await place();
    needs(store.blobs, "trash");
    const { trash } = store.blobs;
    const [a, b] = [await put(store, utf8("a")), await put(store, utf8("b"))];
    await store.blobs.delete([a, b], { batch: "2" });
    await trash.purge("2", a.digest);
    await trash.purge("2", a.digest);
    await trash.purge("3", b.digest);
    assert.deepEqual((await all(trash.list())).map(({ digest }) => digest), [b.digest]);
    assert.equal(await trash.restore("2", a.digest), false);
    assert.equal(await store.blobs.stat(a.digest), undefined);
    assert.equal(await trash.restore("2", b.digest), true);
  },

  "a batch is purged as a whole, and no other": async ({ place }) => {
    const store = await place();
    needs(store.blobs, "trash");
    const { trash } = store.blobs;
    const [a, b, c] = [
      await put(store, utf8("a")),
      await put(store, utf8("b")),
      await put(store, utf8("c")),
    ];
    await store.blobs.delete([a], { batch: "2" });
    await store.blobs.delete([b], { batch: "2" });
    await store.blobs.delete([c], { batch: "3" });
    await trash.purge("2");
    await trash.purge("2");
    await trash.purge("4");
    assert.deepEqual((await all(trash.list())).map(({ digest }) => digest), [c.digest]);
    assert.equal(await trash.restore("2", a.digest), false);
    assert.equal(await trash.restore("3", c.digest), true);
  },
};
