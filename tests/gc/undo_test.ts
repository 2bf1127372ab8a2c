import assert from "node:assert/strict";
import { it } from "node:test";
import { collectionOf, openLayout, systemClock } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { keepAll } from "../../plugins/gc/policy.ts";
import { undo } from "../../plugins/gc/undo.ts";
import { fails } from "../fails.ts";
import { everyLayout } from "../layouts.ts";
import {
  collectIn,
  danglingIn,
  DAY,
  digestsOf,
  eager,
  HOUR,
  listedIn,
  pushNamed,
  stepwise,
  storedIn,
} from "./collecting.ts";

const policy = { ...keepAll, maxDrop: 100, rules: [{ refs: ["pr-*"] }] };

everyLayout("what was collected", (fresh) => {
  it("stays in quarantine, then goes with a later run", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushNamed(layout, "old", "pr-1");
    const first = await collectIn(place, { policy, quarantine: DAY });
    assert.match(first.stopped ?? "", /in quarantine until/);
    assert.deepEqual([first.removed.length, await listedIn(layout)], [0, []]);
    assert.equal((await storedIn(layout)).length, 3);
    assert.equal(collectionOf(await layout.store.root.load()).state, "open");
    const second = await collectIn(place, { policy, quarantine: DAY }, 2 * HOUR);
    assert.match(second.stopped ?? "", /in quarantine/);
    assert.equal(second.removed.length, 0);
    const third = await collectIn(place, { policy, quarantine: DAY }, 2 * DAY);
    assert.deepEqual([third.resumed, third.stopped], [3, undefined]);
    assert.deepEqual(await storedIn(layout), []);
  });

  it("stays in quarantine from the fence on, however long ago the plan was made", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushNamed(layout, "old", "pr-1");
    let later = HOUR;
    const clock = { ...systemClock, now: () => systemClock.now() + later };
    const slow = stepwise(await place.backend(), async (what, act) => {
      if (what === "swap index.json") later += 2 * DAY;
      return await act();
    });
    const { store } = await openLayout(slow, { mode: "write", clock });
    await collect(store, eager({ policy, quarantine: DAY }));
    const options = { policy, quarantine: DAY };
    assert.match((await collectIn(place, options, later + HOUR)).stopped ?? "", /in quarantine/);
    assert.equal((await storedIn(layout)).length, 3);
    assert.equal((await collectIn(place, options, later + DAY + HOUR)).resumed, 3);
  });

  it("is gone on with at once by whoever promises to be alone", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushNamed(layout, "old", "pr-1");
    await collectIn(place, { policy, quarantine: DAY });
    assert.equal((await collectIn(place, { policy, exclusive: true })).resumed, 3);
  });

  it("can be taken back before its bytes went, with every name", async () => {
    await using place = fresh();
    const layout = await place.open();
    const image = await pushNamed(layout, "old", "pr-1");
    await collectIn(place, { policy, quarantine: DAY });
    const { entries, blobs, left } = await undo(layout.store);
    assert.deepEqual([entries.length, blobs.length, left.length], [1, 0, 0]);
    assert.deepEqual(await listedIn(layout), ["pr-1"]);
    assert.equal(collectionOf(await layout.store.root.load()).state, "done");
    await collectIn(place, {}, 2 * DAY);
    assert.deepEqual(await storedIn(layout), digestsOf(image));
  });

  it("can be taken back from the trash", async () => {
    await using place = fresh();
    const layout = await place.open();
    const image = await pushNamed(layout, "old", "pr-1");
    const { trash } = await collectIn(place, { policy });
    assert.ok(trash.bytes > 0);
    assert.deepEqual(await storedIn(layout), []);
    const { entries, blobs } = await undo(layout.store);
    assert.deepEqual([entries.length, [...blobs].sort()], [1, digestsOf(image)]);
    assert.deepEqual([await listedIn(layout), await danglingIn(layout)], [["pr-1"], []]);
    await fails(undo(layout.store), "not_found", /Cannot undo/);
  });

  it("leaves alone a name that was set anew", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushNamed(layout, "old", "pr-1");
    await collectIn(place, { policy });
    const image = await pushNamed(layout, "newer", "pr-1");
    const { entries, left } = await undo(layout.store);
    assert.deepEqual([entries.length, left.length], [0, 1]);
    assert.equal((await layout.resolve("pr-1")).digest, image.descriptor.digest);
  });

  it("is gone for good once the trash is empty", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushNamed(layout, "old", "pr-1");
    await collectIn(place, { policy, trash: 0 });
    await fails(undo(layout.store), "not_found", /Cannot undo/);
    assert.deepEqual(await listedIn(layout), []);
  });

  it("cannot be taken back where there was no collection", async () => {
    await using place = fresh();
    await fails(undo((await place.open()).store), "not_found", /there was no collection/);
  });
});
