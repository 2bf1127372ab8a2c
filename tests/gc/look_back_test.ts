// After a sweep the collector looks whether anything went that something listed needs.
import assert from "node:assert/strict";
import { it } from "node:test";
import { openLayout } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { imageOf, pushAll } from "../images.ts";
import { everyLayout } from "../layouts.ts";
import {
  aheadBy,
  danglingIn,
  eager,
  HOUR,
  listedIn,
  pushNamed,
  stepwise,
  unlocked,
} from "./collecting.ts";

const image = imageOf("swept, named and let go");

everyLayout("a look back after the sweep", (fresh) => {
  it("calls nothing damage that was let go while it looked", async () => {
    await using place = fresh();
    const layout = await place.open();
    await pushNamed(layout, "kept", "main");
    await pushAll(layout, image.config, image.layer, image);
    const writer = await place.open({ mode: "write" });
    const done: string[] = [];
    const once = async (what: string, act: () => Promise<unknown>) => {
      if (done.includes(what)) return;
      done.push(what);
      await act();
    };
    let deletes = 0;
    // What comes back from a trash would be no damage.
    const { blobs: { trash: _, ...blobs }, ...rest } = await place.backend();
    const backend = stepwise({ ...rest, blobs }, async (what, act) => {
      if (what.startsWith("delete")) deletes++;
      else if (deletes === 2 && what === "load") {
        await once("named", async () => {
          await pushAll(writer, image.config, image.layer, image);
          await writer.tag(image.descriptor, "new");
        });
      } else if (deletes === 2 && what === "stat") {
        await once("let go", () => writer.delete(image.descriptor.digest));
      }
      return await act();
    }, { reads: true });
    const { store } = await openLayout(backend, { mode: "write", clock: aheadBy(HOUR) });
    const { damaged } = await collect(unlocked(store), eager());
    assert.deepEqual(done, ["named", "let go"]);
    assert.deepEqual(damaged, []);
    assert.deepEqual(await listedIn(layout), ["main"]);
    assert.deepEqual(await danglingIn(layout), []);
  });
});
