import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { flock, openLayout, systemClock } from "../../core/mod.ts";
import { fileURLToPath } from "node:url";
import { collect } from "../../plugins/gc/collect.ts";
import { keepAll } from "../../plugins/gc/policy.ts";
import { blobOf, pushAll } from "../images.ts";
import { makePlace, type Place } from "../layouts.ts";
import { type Cache, cacheOf, exportCache, exportSteps } from "./buildkit.ts";
import {
  aheadBy,
  collectIn,
  danglingIn,
  DAY,
  eager,
  HOUR,
  listedIn,
  stepwise,
  storedIn,
  unlocked,
} from "./collecting.ts";

const digestsOf = (...caches: readonly Cache[]) =>
  [
    ...new Set(
      caches.flatMap(({ manifest, blobs }) =>
        [manifest, ...blobs].map(({ descriptor }) => descriptor.digest)
      ),
    ),
  ].sort();

/** A folder in which a cache was exported, then another that shares a layer with it, under the same name. */
async function exportedTwice(place: Place, form: "index" | "image") {
  const [old, now] = [cacheOf(["base", "old"], form), cacheOf(["base", "new"], form)];
  const layout = await place.open();
  await exportCache(place, old);
  await exportCache(place, now);
  return { old, now, layout };
}

describe("a local cache of BuildKit", () => {
  for (const form of ["index", "image"] as const) {
    it(`as an ${form} is kept whole, those of former builds too, until a rule drops them`, async () => {
      await using place = makePlace("dir");
      const { old, now, layout } = await exportedTwice(place, form);
      await pushAll(layout, blobOf("garbage"));
      await collectIn(place);
      assert.deepEqual(await storedIn(layout), digestsOf(old, now));
      const policy = { ...keepAll, untagged: "drop", maxDrop: 100 } as const;
      const { plan } = await collectIn(place, { policy });
      assert.deepEqual(plan.drops.map(({ digest }) => digest), [old.manifest.descriptor.digest]);
      assert.deepEqual(await storedIn(layout), digestsOf(now));
      assert.deepEqual(await listedIn(layout), ["latest"]);
    });

    it(`as an ${form} is dropped by its age, with the layers that no younger one shares`, async () => {
      await using place = makePlace("dir");
      const { now, layout } = await exportedTwice(place, form);
      const policy = { ...keepAll, untagged: DAY, maxDrop: 100 };
      assert.equal((await collectIn(place, { policy })).plan.drops.length, 0);
      await collectIn(place, { policy }, 2 * DAY);
      assert.deepEqual(await storedIn(layout), digestsOf(now));
    });
  }

  it("keeps names by rules like any other, one for each branch", async () => {
    await using place = makePlace("dir");
    const layout = await place.open();
    const [main, pr] = [cacheOf(["base"], "index"), cacheOf(["base", "pr"], "image")];
    await exportCache(place, pr, "pr-1");
    await exportCache(place, main, "main");
    const rules = [{ refs: ["pr-*"], maxAge: DAY }];
    await collectIn(place, { policy: { ...keepAll, rules, maxDrop: 100 } }, 2 * DAY);
    assert.deepEqual([await listedIn(layout), await storedIn(layout)], [["main"], digestsOf(main)]);
  });

  it("has files that are not ours left alone: what is being written, and the lock", async () => {
    await using place = makePlace("dir");
    const { layout } = await exportedTwice(place, "index");
    const cache = cacheOf(["half"], "index");
    const [start] = exportSteps(place, cache);
    await start?.();
    await place.write("index.json.lock", "");
    const before = await place.snapshot();
    const ours = (name: string) => /\/\.stowage(\/|$)/.test(name);
    await pushAll(layout, blobOf("garbage"));
    await collectIn(place, {}, 3 * DAY);
    const after = await place.snapshot();
    const names = (files: object) => Object.keys(files).filter((name) => !ours(name)).sort();
    assert.deepEqual(names(after), names(before));
  });

  it("exported while a collection goes on, at any of its steps, is whole when the next one is over", async () => {
    // All of it is garbage when the collection begins, so that BuildKit finds it there and writes nothing anew.
    for (const [form, later] of [["index", Infinity], ["image", 9]] as const) {
      let steps = Infinity;
      for (let step = 1; step <= steps; step += 8) {
        await using place = makePlace("dir");
        const layout = await place.open();
        const [kept, cache] = [cacheOf(["base"], form), cacheOf(["base", "new"], form)];
        await exportCache(place, kept, "kept");
        await pushAll(layout, ...cache.blobs, cache.manifest);
        steps = await exportBeside(place, cache, step, later);
        await collectIn(place);
        const at = `an ${form}, exported from step ${step} of ${steps}`;
        assert.deepEqual(await danglingIn(layout), [], at);
        assert.deepEqual(await listedIn(layout), ["kept", "latest"], at);
        assert.deepEqual(await storedIn(layout), digestsOf(kept, cache), at);
      }
      assert.ok(steps > 15, `only ${steps} steps`);
    }
  });

  it("waits for no lock while blobs are deleted: BuildKit, which tries once, gets its own", async () => {
    await using place = makePlace("dir");
    const layout = await place.open();
    for (let at = 0; at < 5; at++) await pushAll(layout, blobOf(`garbage ${at}`));
    const lock = `${fileURLToPath(place.url.href.replace(/^dir:/, "file:"))}/index.json.lock`;
    let tried = 0;
    const backend = stepwise(await place.backend(), async (what, act) => {
      if (what.startsWith("delete")) {
        using _held = await flock(lock, { clock: systemClock, wait: 0 });
        tried++;
      }
      return await act();
    });
    const { store } = await openLayout(backend, { mode: "write", clock: aheadBy(HOUR) });
    assert.equal((await collect(store, eager())).removed.length, 5);
    assert.ok(tried > 0);
  });
});

/** Collects; at a step of it BuildKit sees to its blobs, and so many steps later, or afterwards, to the index. */
async function exportBeside(place: Place, cache: Cache, from: number, later: number) {
  const writes = exportSteps(place, cache);
  const index = writes.splice(-1);
  const run = async (acts: (() => Promise<void>)[]) => {
    for (const act of acts.splice(0)) await act();
  };
  let steps = 0;
  const backend = stepwise(await place.backend(), async (_, act) => {
    if (++steps >= from) await run(writes);
    if (steps >= from + later) await run(index);
    return await act();
  }, { reads: true });
  const { store } = await openLayout(backend, { mode: "write", clock: aheadBy(HOUR) });
  await collect(unlocked(store), eager());
  await run(writes);
  await run(index);
  return steps;
}
