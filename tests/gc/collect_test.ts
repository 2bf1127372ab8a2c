import assert from "node:assert/strict";
import { it } from "node:test";
import { collectionOf, digestOf, noteFacts, openLayout, STATE } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { keepAll } from "../../plugins/gc/policy.ts";
import { fails } from "../fails.ts";
import { broken, withBlobs } from "../faults.ts";
import { blobOf, imageOf, pushAll, utf8 } from "../images.ts";
import { everyLayout } from "../layouts.ts";
import { unless } from "../skip.ts";
import {
  aheadBy,
  collectIn,
  DAY,
  digestsOf,
  eager,
  HOUR,
  listedIn,
  pushNamed,
  storedIn,
  unlocked,
} from "./collecting.ts";

everyLayout("a collection", (fresh, kind) => {
  it("takes what nothing reaches and leaves what something reaches; a second one finds nothing", async () => {
    await using place = fresh();
    const layout = await place.open();
    const image = await pushNamed(layout, "kept", "v1");
    const gone = imageOf("gone");
    await pushAll(layout, gone.config, gone.layer, gone);
    const { removed, plan, epoch } = await collectIn(place);
    assert.deepEqual(Array.from(removed, ({ digest }) => digest).sort(), digestsOf(gone));
    assert.deepEqual(await storedIn(layout), digestsOf(image));
    assert.deepEqual([plan.live.count, epoch], [3, 1]);
    const { epoch: one, state } = collectionOf(await layout.store.root.load());
    assert.deepEqual([one, state], [1, "done"]);
    const again = await collectIn(place);
    assert.deepEqual([again.removed.length, again.plan.candidates.length, again.epoch], [0, 0, 1]);
  });

  it("lets young bytes wait for as long as the grace", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushAll(layout, blobOf("garbage"));
    const { removed, plan } = await collectIn(place, { grace: 2 * HOUR });
    assert.deepEqual([removed.length, plan.waiting.length], [0, 1]);
    const later = await collectIn(place, { grace: 2 * HOUR }, 3 * HOUR);
    assert.equal(later.removed.length, 1);
  });

  it("never judges what was stored this very moment", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushAll(layout, blobOf("garbage"));
    const { plan } = await collectIn(place, {}, 0);
    for (const { blob } of plan.candidates) {
      assert.ok((blob.modified?.getTime() ?? 0) < plan.t0 - 10);
    }
    assert.equal(plan.candidates.length + plan.waiting.length, 1);
  });

  it("drops what rules let go, and its bytes but for those that others hold", async () => {
    await using place = fresh();
    const layout = await place.open();
    const old = await pushNamed(layout, "old", "pr-1");
    const kept = await pushNamed(layout, "kept", "main");
    await layout.tag(old.config.descriptor, "config");
    const policy = { ...keepAll, maxDrop: 100, rules: [{ refs: ["pr-*"] }] };
    const { removed, plan } = await collectIn(place, { policy });
    assert.deepEqual(plan.drops.map(({ digest }) => digest), [old.descriptor.digest]);
    assert.deepEqual(await listedIn(layout), ["config", "main"]);
    assert.equal(removed.length, 2);
    const left = [...digestsOf(kept), old.config.descriptor.digest].sort();
    assert.deepEqual(await storedIn(layout), left);
  });

  it("keeps no more than maxSize of what rules may drop, the longest unset first", async () => {
    await using place = fresh();
    const layout = await place.open();
    for (const name of ["a", "b", "c", "free"]) await pushNamed(layout, name, name);
    const sizes = await Promise.all(
      (await storedIn(layout)).map(async (digest) => (await layout.info(digest as never)).size),
    );
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const policy = {
      ...keepAll,
      maxDrop: 100,
      maxSize: total - 10,
      rules: [{ refs: ["?"], maxAge: DAY }],
    };
    const { plan } = await collectIn(place, { policy });
    assert.equal(plan.drops.length, 1);
    assert.deepEqual(await listedIn(layout), ["b", "c", "free"]);
    const all = { ...policy, maxSize: 0 };
    await collectIn(place, { policy: all });
    assert.deepEqual(await listedIn(layout), ["free"]);
  });

  it("takes blobs of sha512, and leaves those of algorithms it does not know", async () => {
    await using place = fresh();
    const layout = await place.open();
    const bytes = utf8("under another name");
    const digest = digestOf(bytes, "sha512");
    await layout.push({ digest }, bytes);
    const foreign = `blake3:${"ab".repeat(32)}` as const;
    const { blobs } = layout.store.backend;
    const ingest = await blobs.ingest();
    const writer = ingest.writable.getWriter();
    await writer.write(bytes);
    await writer.close();
    await ingest.commit({ digest: foreign, size: bytes.length });
    const { removed, plan } = await collectIn(place);
    assert.deepEqual(Array.from(removed, (blob) => blob.digest), [digest]);
    assert.equal(plan.foreign, 1);
    assert.deepEqual(await storedIn(layout), [foreign]);
  });

  it("stops before the first write when too much would go", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushNamed(layout, "kept", "v1");
    for (const name of ["a", "b"]) await pushNamed(layout, name, name);
    const before = await place.snapshot();
    const rules = [{ refs: ["a", "b"] }];
    const references = collectIn(place, { policy: { ...keepAll, rules, maxDrop: 60 } });
    await fails(references, "refused", /2 of 3 references would go, more than 60 %/);
    await pushAll(layout, blobOf("x".repeat(10_000)));
    await fails(collectIn(place, { policy: keepAll }), "refused", /bytes would go/);
    assert.deepEqual(await listedIn(layout), ["a", "b", "v1"]);
    assert.equal(before["index.json"], (await place.snapshot())["index.json"]);
    assert.equal(await place.read(STATE), undefined);
  });

  it("refuses a layout whose index was lost, until somebody has looked", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushAll(layout, blobOf("all that is left"));
    const { docs } = layout.store.backend;
    await noteFacts(docs, { repaired: new Date().toISOString() }, layout.store);
    await fails(collectIn(place), "refused", /check --accept-index/);
    await noteFacts(docs, { repaired: undefined }, layout.store);
    assert.equal((await collectIn(place)).removed.length, 1);
  });

  const refusing = unless(kind === "s3" && "a bucket takes no bytes under a digest not theirs");
  for (const name of ["v1", undefined]) {
    it(
      `stops at a manifest ${name ?? "without a name"} that cannot be read, before the first write`,
      refusing,
      async () => {
        await using place = fresh();
        const layout = await place.open();
        const image = await pushNamed(layout, "damaged", name);
        await pushAll(layout, blobOf("garbage"));
        const { blobs } = layout.store.backend;
        const damaged = image.bytes.map((byte) => byte ^ 1);
        const ingest = await blobs.ingest();
        const writer = ingest.writable.getWriter();
        await writer.write(damaged);
        await writer.close();
        await ingest.commit(image.descriptor);
        const error = await fails(collectIn(place), "corrupt", /is not known/);
        assert.equal(error.digest, image.descriptor.digest);
        assert.equal((await storedIn(layout)).length, 4);
        assert.equal(await place.read(STATE), undefined);
      },
    );
  }

  it("keeps what open writes will be, and aborts those nobody went on with for a day", async () => {
    await using place = fresh();
    const layout = await place.open();
    const blob = blobOf("expected");
    {
      await using writer = await layout.openWriter({ ref: "half", expect: blob.descriptor });
      await writer.write(utf8("exp"));
    }
    await pushAll(layout, blob, blobOf("garbage"));
    assert.deepEqual((await collectIn(place)).ingestsExpired, 0);
    assert.deepEqual(await storedIn(layout), [blob.descriptor.digest]);
    assert.deepEqual((await collectIn(place, {}, 2 * DAY)).ingestsExpired, 1);
    assert.equal((await collectIn(place, {}, 2 * DAY)).removed.length, 1);
    assert.deepEqual(await storedIn(layout), []);
  });

  it("stops when its budget is spent; the next run goes on", async () => {
    await using place = fresh();
    const layout = await place.open();
    const image = imageOf("garbage");
    await pushAll(layout, image.config, image.layer, image);
    const { removed, stopped } = await collectIn(place, { budget: { deletes: 1 } });
    assert.deepEqual(Array.from(removed, ({ digest }) => digest), [image.descriptor.digest]);
    assert.match(stopped ?? "", /budget of deletes/);
    const rest = await collectIn(place);
    assert.deepEqual([rest.resumed, rest.stopped], [2, undefined]);
    assert.deepEqual(await storedIn(layout), []);
  });

  it("works beside no other: the second one is told that the first is at it", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushAll(layout, blobOf("garbage"));
    await using _lease = await layout.store.lock.acquire("gc");
    await fails(collectIn(place), "locked");
    assert.equal((await storedIn(layout)).length, 1);
  });

  it("two at once without their lease: each blob goes once, what is live stays", async () => {
    await using place = fresh();
    const layout = await place.open();
    const image = await pushNamed(layout, "kept", "v1");
    for (let at = 0; at < 5; at++) await pushAll(layout, blobOf(`garbage ${at}`));
    const runs = await Promise.allSettled([1, 2].map(async () => {
      const { store } = await place.open({ mode: "write", clock: aheadBy(HOUR) });
      return await collect(unlocked(store), eager());
    }));
    const removed = runs.flatMap((run) => run.status === "fulfilled" ? [...run.value.removed] : []);
    assert.equal(new Set(removed.map(({ digest }) => digest)).size, removed.length);
    await collectIn(place);
    assert.deepEqual(await storedIn(layout), digestsOf(image));
  });

  it("fails, and nothing else does, when a blob cannot be read while the rest is listed", async () => {
    await using place = fresh();
    // Long enough to be read: it might be a referrer.
    await pushAll(await place.open(), ...["one", "two"].map((it) => blobOf(it.repeat(50))));
    const backend = withBlobs(await place.backend(), (blobs) => ({
      async *list(options) {
        for await (const blob of blobs.list(options)) {
          yield blob;
          await new Promise((done) => void setTimeout(done));
        }
      },
      read: () => Promise.reject(broken()),
    }));
    const { store } = await openLayout(backend, { mode: "write", clock: aheadBy(HOUR) });
    await fails(collect(unlocked(store), eager()), "unavailable");
  });

  it("leaves strangers alone: files that are no blobs, and documents of others", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushAll(layout, blobOf("garbage"));
    const strangers = kind === "dir"
      ? ["blobs/README", "blobs/sha256/README", "blobs/sha256/.tmp-1", "notes.txt"]
      : [".stowage/notes.json"];
    for (const name of strangers) await place.write(name, "ours");
    assert.equal((await collectIn(place)).removed.length, 1);
    for (const name of strangers) assert.equal(await place.read(name), "ours");
  });
});
