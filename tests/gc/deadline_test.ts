import assert from "node:assert/strict";
import { it } from "node:test";
import { type Backend, isOciError, type Layout, openLayout } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { keepAll } from "../../plugins/gc/policy.ts";
import { undo } from "../../plugins/gc/undo.ts";
import { fc } from "../fast_check.ts";
import { withBlobs } from "../faults.ts";
import { imageOf, pushAll } from "../images.ts";
import { inMemory, type Place } from "../layouts.ts";
import { blunt, sleepersClock } from "./blunt.ts";
import {
  danglingIn,
  digestsOf,
  eager,
  listedIn,
  pushNamed,
  stepwise,
  storedIn,
  unlocked,
} from "./collecting.ts";

const image = imageOf("adopted");

/** A writer pushes before one step of a collector and names before another; how many steps there were. */
async function race(place: Place, push: number, tag: number): Promise<number> {
  const clock = sleepersClock();
  const layout = await place.open();
  await pushNamed(layout, "kept", "main");
  await pushAll(layout, image.config, image.layer, image);
  const backend = blunt(await place.backend(), clock);
  const writer = await openLayout(backend, { mode: "write", clock });
  let failed: unknown;
  const attempt = async (act: (writer: Layout) => Promise<unknown>) => {
    try {
      await act(writer);
    } catch (error) {
      failed = error;
    }
  };
  let steps = 0;
  const watched = stepwise(backend, async (_, act) => {
    const step = ++steps;
    if (step === push) {
      await attempt((writer) => pushAll(writer, image.config, image.layer, image));
    }
    if (step === tag) await attempt((writer) => writer.tag(image.descriptor, "new"));
    return await act();
  }, { reads: true });
  const run = async (backend: Backend) => {
    const { store } = await openLayout(backend, { mode: "write", clock });
    await collect(unlocked(store), eager());
  };
  await run(watched);
  assert.deepEqual(await danglingIn(layout), [], `pushed at ${push}, tagged at ${tag}`);
  if (failed !== undefined && !isOciError(failed, "not_found", "conflict")) throw failed;
  const named = tag <= steps && !failed;
  assert.deepEqual(await listedIn(layout), named ? ["main", "new"] : ["main"]);
  await run(backend);
  await run(backend);
  const kept = digestsOf(imageOf("kept"));
  assert.deepEqual(
    await storedIn(layout),
    (named ? [...kept, ...digestsOf(image)] : kept).sort(),
  );
  return steps;
}

inMemory("where a store deletes by a deadline, and cannot tell copies apart", (fresh) => {
  it("a writer has its name whole, whatever step of the collector it comes before", async () => {
    let steps = Infinity;
    for (let step = 1; step <= steps; step++) {
      await using place = fresh();
      steps = await race(place, step, step);
    }
    assert.ok(steps > 10);
  });

  it("and whenever it names what it pushed before, has it whole or is told", async () => {
    const steps = fc.integer({ min: 1, max: 45 });
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(20), async (push, later) => {
        await using place = fresh();
        await race(place, push, push + later);
      }),
      { numRuns: 100 },
    );
  });

  it("by naming what is stored, too", async () => {
    for (let tag = 1; tag <= 45; tag++) {
      await using place = fresh();
      await race(place, 1_000, tag);
    }
  });

  it("what a dead collector had claimed is taken back only once its deletes cannot arrive", async () => {
    await using place = fresh();
    const clock = sleepersClock();
    const layout = await place.open();
    await pushNamed(layout, "old", "pr-1");
    const backend = blunt(await place.backend(), clock);
    const open = async (backend: Backend) =>
      (await openLayout(backend, { mode: "write", clock })).store;
    let arrive = () => Promise.resolve<unknown>(undefined);
    const dying = withBlobs(backend, (blobs) => ({
      delete(...request) {
        arrive = () => blobs.delete(...request);
        return Promise.reject("killed");
      },
    }));
    const policy = { ...keepAll, maxDrop: 100, rules: [{ refs: ["pr-*"] }] };
    await assert.rejects(async () => collect(unlocked(await open(dying)), eager({ policy })));
    assert.equal((await undo(unlocked(await open(backend)))).entries.length, 1);
    await arrive();
    assert.deepEqual([await listedIn(layout), await danglingIn(layout)], [["pr-1"], []]);
  });

  it("a claim that ran out is never sent again: who waited for its end keeps what was left", async () => {
    await using place = fresh();
    const clock = sleepersClock();
    const layout = await place.open();
    await pushNamed(layout, "kept", "main");
    await pushAll(layout, image.config, image.layer, image);
    const backend = blunt(await place.backend(), clock);
    const open = (backend: Backend) => openLayout(backend, { mode: "write", clock });
    const dying = {
      ...backend,
      blobs: { ...backend.blobs, delete: () => Promise.reject("killed") },
    };
    await assert.rejects(async () => collect(unlocked((await open(dying)).store), eager()));
    const before = clock.now();
    await (await open(backend)).tag(image.descriptor, "new");
    assert.ok(clock.now() > before + 1_000, "the writer did not wait for the deadline");
    const { resumed, stopped } = await collect(unlocked((await open(backend)).store), eager());
    assert.deepEqual([resumed, stopped], [0, undefined]);
    assert.deepEqual([await listedIn(layout), await danglingIn(layout)], [["main", "new"], []]);
    await layout.untag("new");
    await collect(unlocked((await open(backend)).store), eager());
    assert.deepEqual(await storedIn(layout), digestsOf(imageOf("kept")));
  });
});
