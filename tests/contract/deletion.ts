import assert from "node:assert/strict";
import type { Backend, BlobInfo, Digest } from "../../core/mod.ts";
import { all, assertStored, blobOf, type Cases, fails, listed, put, seen, utf8 } from "./suite.ts";

/** Empties the trash of a blob, after which no trace of it may be left. */
async function assertGone(store: Backend, digest: Digest): Promise<void> {
  const kept = store.blobs.trash ? await all(store.blobs.trash.list()) : [];
  for (const entry of kept) {
    if (entry.digest === digest) await store.blobs.trash?.purge(entry.batch, digest);
  }
  assert.equal(await store.blobs.stat(digest), undefined);
  await fails(store.blobs.read(digest), "not_found");
}

/** What became of each copy. */
export async function outcomes(store: Backend, ...seen: BlobInfo[]): Promise<string[]> {
  const removals = await store.blobs.delete(seen);
  assert.deepEqual(removals.map(({ digest }) => digest), seen.map(({ digest }) => digest));
  return removals.map(({ outcome }) => outcome);
}

/** Blobs that go: in order, in time. */
export const deletion: Cases = {
  "what was seen is removed, and absent the second time": async ({ place, reopen }) => {
    const store = await place();
    const blob = await put(store, utf8("doomed"));
    assert.deepEqual(await outcomes(await reopen(store), blob), ["removed"]);
    assert.deepEqual(await listed(store), []);
    assert.deepEqual(await outcomes(store, blob), ["absent"]);
    await assertGone(store, blob.digest);
  },

  "a batch answers for each copy, in order": async ({ place }) => {
    const store = await place();
    const [a, b, c] = [
      await put(store, utf8("a")),
      await put(store, utf8("b")),
      await put(store, utf8("c")),
    ];
    const never = blobOf(utf8("never"));
    assert.deepEqual(await outcomes(store), []);
    assert.deepEqual(await outcomes(store, c, never, a), ["removed", "absent", "removed"]);
    assert.deepEqual(await listed(store), [b.digest]);
  },

  "what was removed can be stored again": async ({ place }) => {
    const store = await place();
    const bytes = utf8("comes back");
    const { digest } = await put(store, bytes);
    assert.deepEqual(await outcomes(store, await seen(store, digest)), ["removed"]);
    await put(store, bytes);
    await assertStored(store, bytes);
    assert.deepEqual(await listed(store), [digest]);
  },

  "nothing is removed after `until`": async ({ place }) => {
    const store = await place();
    const blob = await put(store, utf8("late"));
    const [removal] = await store.blobs.delete([blob], { until: new Date(Date.now() - 60_000) });
    assert.ok(removal?.outcome === "failed" || removal?.outcome === "unknown", removal?.outcome);
    assert.deepEqual(await listed(store), [blob.digest]);
    await assertStored(store, utf8("late"));
  },

  "nothing is removed once the signal has aborted": async ({ place }) => {
    const store = await place();
    const blob = await put(store, utf8("spared"));
    await store.blobs.delete([blob], { signal: AbortSignal.abort() })
      .catch((error) => fails(Promise.reject(error), "aborted"));
    assert.deepEqual(await listed(store), [blob.digest]);
  },
};
