import assert from "node:assert/strict";
import type { Backend, BlobInfo, Digest } from "../../core/mod.ts";
import {
  all,
  assertStored,
  blobOf,
  type Cases,
  fails,
  listed,
  moment,
  needs,
  noise,
  put,
  seen,
  skip,
  utf8,
} from "./suite.ts";

/** Empties the trash of a blob, after which no trace of it may be left. */
async function assertGone(store: Backend, digest: Digest): Promise<void> {
  const kept = store.blobs.trash ? await all(store.blobs.trash.list()) : [];
  for (const entry of kept) {
    if (entry.digest === digest) await store.blobs.trash?.purge(entry.batch, digest);
  }
  assert.equal(await store.blobs.stat(digest), undefined);
  await fails(store.blobs.read(digest), "not_found");
}

async function outcomes(store: Backend, ...seen: BlobInfo[]): Promise<string[]> {
  const removals = await store.blobs.delete(seen);
  assert.deepEqual(removals.map(({ digest }) => digest), seen.map(({ digest }) => digest));
  return removals.map(({ outcome }) => outcome);
}

/** Blobs that go: exactly the copies seen, in time, and back again from the trash. */
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

  "with renew, a commit and a renewal each give a version never used": async (
    { place, reopen },
  ) => {
    const store = await place();
    needs(store.blobs, "renew");
    const versions: (string | undefined)[] = [];
    for (let i = 0; i < 5; i++) {
      const blob = await put(store, utf8("many lives"));
      const renewed: BlobInfo = await store.blobs.renew(blob);
      assert.deepEqual([renewed.digest, renewed.size], [blob.digest, blob.size]);
      assert.deepEqual(renewed, await seen(await reopen(store), blob.digest));
      versions.push(blob.version, renewed.version);
    }
    const { digest } = blobOf(utf8("many lives"));
    assert.deepEqual(await outcomes(store, await seen(store, digest)), ["removed"]);
    versions.push((await put(store, utf8("many lives"))).version);
    assert.equal(new Set(versions).size, 11, versions.join(" "));
    assert.ok(!versions.includes(undefined));
  },

  "renewing moves `modified`, as storing again does": async ({ place }) => {
    const store = await place();
    needs(store.blobs, "renew");
    const times: number[] = [];
    const note = ({ modified }: BlobInfo) => void times.push(modified?.getTime() ?? NaN);
    const blob = await put(store, utf8("aging"));
    note(blob);
    await moment(20);
    const renewed = await store.blobs.renew(blob);
    note(renewed);
    await moment(20);
    note(await put(store, utf8("aging")));
    if (times.every(Number.isNaN)) skip("tells no time of its blobs");
    assert.deepEqual(times, [...new Set(times)].sort((a, b) => a - b));
  },

  "of a copy that is gone or replaced, renewing is a conflict": async ({ place }) => {
    const store = await place();
    needs(store.blobs, "renew");
    const first = await put(store, utf8("stale"));
    const second = await put(store, utf8("stale"));
    await fails(store.blobs.renew(first), "conflict");
    assert.deepEqual(await seen(store, first.digest), second);
    await store.blobs.delete([second]);
    await fails(store.blobs.renew(second), "conflict");
    await fails(store.blobs.renew({ ...blobOf(utf8("never")), version: "1" }), "conflict");
    assert.deepEqual(await listed(store), []);
  },

  "with renew, a copy renewed or replaced since is not removed": async ({ place, reopen }) => {
    const store = await place();
    needs(store.blobs, "renew");
    const other = await reopen(store);
    const [a, b, c] = [
      await put(store, utf8("a")),
      await put(store, utf8("b")),
      await put(store, utf8("c")),
    ];
    await other.blobs.renew?.(a);
    await put(other, utf8("b"));
    assert.deepEqual(await outcomes(store, a, b, c), ["replaced", "replaced", "removed"]);
    assert.deepEqual(await listed(store), [a.digest, b.digest].sort());
    await assertStored(store, utf8("b"));
  },

  "of a delete and a renewal of one copy, one succeeds": async ({ place, reopen }) => {
    const store = await place();
    needs(store.blobs, "renew");
    const other = await reopen(store);
    for (let i = 0; i < 20; i++) {
      const bytes = noise(100, i + 1);
      const blob = await put(store, bytes);
      const [[outcome], renewed] = await Promise.all([
        outcomes(store, blob),
        other.blobs.renew?.(blob).catch((error) => fails(Promise.reject(error), "conflict")),
      ]);
      assert.equal(outcome, renewed ? "replaced" : "removed");
      assert.deepEqual(await listed(store), renewed ? [blob.digest] : []);
      if (renewed) assert.deepEqual(await outcomes(store, renewed), ["removed"]);
    }
  },

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
};
