import assert from "node:assert/strict";
import { it } from "node:test";
import { collectionOf, openLayout } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { keepAll } from "../../plugins/gc/policy.ts";
import { imageOf, pushAll } from "../images.ts";
import { everyLayout, type Place } from "../layouts.ts";
import {
  aheadBy,
  collectIn,
  danglingIn,
  digestsOf,
  eager,
  HOUR,
  listedIn,
  pushNamed,
  stepwise,
  storedIn,
  unlocked,
} from "./collecting.ts";

const policy = { ...keepAll, maxDrop: 100, rules: [{ refs: ["pr-*"] }] };

/** Collects until a step, at which the process is killed; false if it ended before. */
async function killedAt(place: Place, last: number, after: boolean): Promise<boolean> {
  let steps = 0;
  let dead = false;
  const backend = stepwise(await place.backend(), async (_, act) => {
    const doomed = ++steps === last;
    if (doomed && after) await act();
    dead ||= doomed;
    if (dead) throw new Error("killed");
    return await act();
  });
  const { store } = await openLayout(backend, { mode: "write", clock: aheadBy(HOUR) });
  try {
    await collect(unlocked(store), eager({ policy }));
    return false;
  } catch (error) {
    if (!dead) throw error;
    return true;
  }
}

everyLayout("a collector that is killed", (fresh) => {
  for (const when of ["before", "after"] as const) {
    it(`${when} any of its writes leaves every name whole; the next one completes it`, async () => {
      let step = 0;
      while (true) {
        await using place = fresh();
        const layout = await place.open();
        const image = await pushNamed(layout, "kept", "main");
        await pushNamed(layout, "old", "pr-1");
        const gone = imageOf("gone");
        await pushAll(layout, gone.config, gone.layer, gone);
        const killed = await killedAt(place, ++step, when === "after");
        assert.deepEqual(await danglingIn(layout), []);
        if (killed) await collectIn(place, { policy });
        assert.deepEqual(await storedIn(layout), digestsOf(image));
        assert.deepEqual(await listedIn(layout), ["main"]);
        assert.equal(collectionOf(await layout.store.root.load()).state, "done");
        const lists = Object.keys(await place.snapshot()).filter((name) =>
          /\/gc\/\d+\.\w+\/[nl]$/.test(name)
        );
        assert.deepEqual(lists, []);
        if (!killed) break;
      }
      assert.ok(step > 7, `only ${step} writes`);
    });
  }
});
