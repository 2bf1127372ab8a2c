// Programs that know nothing of collections rewrite the index, and drop what it said of them.
import assert from "node:assert/strict";
import { it } from "node:test";
import { collectionOf, isOciError, type Layout, openLayout } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { imageOf, pushAll } from "../images.ts";
import { everyLayout, inMemory, type Place } from "../layouts.ts";
import { blunt, sleepersClock } from "./blunt.ts";
import {
  aheadBy,
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
  unlocked,
} from "./collecting.ts";

const image = imageOf("adopted");

/** Rewrites the index as another program does: its entries stay, its annotations only if it keeps them. */
async function rewrite(place: Place, { keeps = false } = {}): Promise<void> {
  const { annotations, ...index } = JSON.parse(await place.read("index.json") ?? "{}");
  const said = keeps ? { annotations } : {};
  await place.write("index.json", JSON.stringify({ ...index, ...said }, null, 2));
}

/** A layout in which an image was named, and one that nothing lists lies about. */
async function start(place: Place): Promise<Layout> {
  const layout = await place.open();
  await pushNamed(layout, "kept", "main");
  await pushAll(layout, image.config, image.layer, image);
  return layout;
}

everyLayout("an index that another program has written", (fresh) => {
  it("takes no epoch back: what was made sure of before a collection is made sure of again", async () => {
    for (const sealed of [false, true]) {
      await using place = fresh();
      const layout = await start(place);
      const writer = await place.open({ mode: "write" });
      await pushAll(writer, image.config, image.layer, image);
      assert.equal((await collectIn(place)).removed.length, 3);
      await rewrite(place);
      if (sealed) await layout.tag("main", "sealed-again");
      await assert.rejects(
        writer.tag(image.descriptor, "new"),
        (error) => isOciError(error, "not_found"),
      );
      assert.deepEqual(await danglingIn(layout), []);
    }
  });

  it("ends a collection at its next step; the one after it goes on from the beginning", async () => {
    for (const keeps of [false, true]) {
      await using place = fresh();
      const layout = await start(place);
      await collectIn(place, { quarantine: DAY });
      await rewrite(place, { keeps });
      const { resumed, stopped } = await collectIn(place, { quarantine: DAY }, 3 * DAY);
      assert.equal(resumed, 0);
      assert.match(stopped ?? "", /in quarantine/);
      assert.equal(collectionOf(await layout.store.root.load()).epoch, 2);
      await collectIn(place, { quarantine: DAY }, 5 * DAY);
      assert.deepEqual(await storedIn(layout), digestsOf(imageOf("kept")));
    }
  });

  it("at any step of a collector leaves what a writer names from then on whole", async () => {
    for (let at = 1;; at += 4) {
      await using place = fresh();
      const layout = await start(place);
      let steps = 0;
      const backend = stepwise(await place.backend(), async (_, act) => {
        if (++steps === at) {
          await rewrite(place);
          const writer = await place.open({ mode: "write" });
          await pushAll(writer, image.config, image.layer, image);
          await writer.tag(image.descriptor, "new");
        }
        return await act();
      }, { reads: true });
      const { store } = await openLayout(backend, { mode: "write", clock: aheadBy(HOUR) });
      await collect(unlocked(store), eager());
      assert.deepEqual(await danglingIn(layout), [], `rewritten at step ${at}`);
      if (steps < at) break;
      assert.deepEqual(await listedIn(layout), ["main", "new"]);
    }
  });
});

inMemory("where deletes are bound to a deadline, a rewrite by another program", (fresh) => {
  it("at any step of a collector leaves what a writer names from then on whole", async () => {
    for (let at = 1;; at++) {
      await using place = fresh();
      const layout = await start(place);
      const clock = sleepersClock();
      const plain = blunt(await place.backend(), clock);
      let steps = 0;
      const backend = stepwise(plain, async (_, act) => {
        if (++steps === at) {
          await rewrite(place);
          const writer = await openLayout(plain, { mode: "write", clock });
          await pushAll(writer, image.config, image.layer, image);
          await writer.tag(image.descriptor, "new");
        }
        return await act();
      }, { reads: true });
      const { store } = await openLayout(backend, { mode: "write", clock });
      await collect(unlocked(store), eager());
      assert.deepEqual(await danglingIn(layout), [], `rewritten at step ${at}`);
      if (steps < at) break;
    }
  });
});
