import assert from "node:assert/strict";
import type { BlobInfo } from "../../core/mod.ts";
import { outcomes } from "./deletion.ts";
import {
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

/** Copies told apart: renewed, or deleted exactly as seen. */
export const renewal: Cases = {
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
        other.blobs.renew?.(blob).catch(async (error) => {
          await fails(Promise.reject(error), "conflict");
          return undefined;
        }),
      ]);
      assert.equal(outcome, renewed ? "replaced" : "removed");
      assert.deepEqual(await listed(store), renewed ? [blob.digest] : []);
      if (renewed) assert.deepEqual(await outcomes(store, renewed), ["removed"]);
    }
  },
};
