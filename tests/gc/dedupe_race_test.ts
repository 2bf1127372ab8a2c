// A writer finds that what it is about to push is there already, as garbage that a collector has its eye on.
import assert from "node:assert/strict";
import { it } from "node:test";
import { openLayout } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { fails } from "../fails.ts";
import { imageOf, pushAll } from "../images.ts";
import { everyLayout, type Place } from "../layouts.ts";
import {
  aheadBy,
  collectIn,
  danglingIn,
  DAY,
  digestsOf,
  eager,
  HOUR,
  stepwise,
  storedIn,
  unlocked,
} from "./collecting.ts";

const image = imageOf("pushed before, and named by nobody");

/** An image that lies about in a place, and a writer who comes later. */
async function start(place: Place) {
  const layout = await place.open();
  await pushAll(layout, image.config, image.layer, image);
  const writer = await place.open({ mode: "write" });
  return {
    push: () => pushAll(writer, image.config, image.layer, image),
    name: () => writer.tag(image.descriptor, "new"),
    async whole() {
      assert.deepEqual(await danglingIn(layout), []);
      await collectIn(place, {}, 4 * DAY);
      assert.deepEqual(await storedIn(layout), digestsOf(image));
      assert.equal((await layout.resolve("new")).digest, image.descriptor.digest);
    },
  };
}

everyLayout("a writer who counts on garbage", (fresh) => {
  it("that is condemned has it: the sweep finds another copy", async () => {
    await using place = fresh();
    const { push, name, whole } = await start(place);
    await collectIn(place, { quarantine: DAY });
    await push();
    await name();
    const { resumed, replaced } = await collectIn(place, { quarantine: DAY }, 2 * DAY);
    assert.deepEqual([resumed, replaced], [0, 3]);
    await whole();
  });

  it("that is being deleted has it, before and after the request", async () => {
    for (const first of [true, false]) {
      await using place = fresh();
      const { push, name, whole } = await start(place);
      let deletes = 0;
      const backend = stepwise(await place.backend(), async (what, act) => {
        if (!what.startsWith("delete") || deletes++ > 0) return await act();
        if (first) await push().then(name);
        const answers = await act();
        if (!first) await push().then(name);
        return answers;
      });
      const { store } = await openLayout(backend, { mode: "write", clock: aheadBy(HOUR) });
      await collect(unlocked(store), eager());
      assert.ok(deletes > 0);
      await whole();
    }
  });

  it("that was deleted meanwhile is told so before anything is named, and pushes it again", async () => {
    await using place = fresh();
    const { push, name, whole } = await start(place);
    await push();
    assert.equal((await collectIn(place)).removed.length, 3);
    await fails(name(), "not_found", /Cannot list/);
    await push();
    await name();
    await whole();
  });
});
