// Two collectors that no lease keeps apart, where a store deletes by a deadline and cannot tell copies apart.
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Backend, isOciError, openLayout } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { withBlobs } from "../faults.ts";
import { imageOf, pushAll } from "../images.ts";
import { inMemory, type Place } from "../layouts.ts";
import { blunt, sleepersClock } from "./blunt.ts";
import { danglingIn, eager, pushNamed, stepwise, unlocked } from "./collecting.ts";

const image = imageOf("adopted");

/** A layout with old garbage, and who works on it. */
async function start(place: Place) {
  const clock = sleepersClock();
  const layout = await place.open();
  await pushNamed(layout, "kept", "main");
  await pushAll(layout, image.config, image.layer, image);
  const backend = blunt(await place.backend(), clock);
  const open = (backend: Backend) => openLayout(backend, { mode: "write", clock });
  return {
    backend,
    dangling: () => danglingIn(layout),
    async collect(backend: Backend): Promise<void> {
      try {
        await collect(unlocked((await open(backend)).store), eager());
      } catch (error) {
        if (!isOciError(error, "conflict")) throw error;
      }
    },
    async name(): Promise<void> {
      const writer = await open(backend);
      await pushAll(writer, image.config, image.layer, image);
      await writer.tag(image.descriptor, "new");
    },
  };
}

/** A backend that does something else before one of its steps; tells how many there were. */
function interrupted(backend: Backend, at: number, act: () => Promise<void>) {
  let steps = 0;
  const watched = stepwise(backend, async (_, go) => {
    if (++steps === at) await act();
    return await go();
  }, { reads: true });
  return { watched, steps: () => steps };
}

inMemory("of two collectors, one", (fresh) => {
  it("sleeps at any step while the other ends the run: what was stored since stays", async () => {
    for (let at = 1;; at++) {
      await using place = fresh();
      const { backend, collect, name, dangling } = await start(place);
      const slow = interrupted(backend, at, async () => {
        await collect(backend);
        await name();
      });
      await collect(slow.watched);
      assert.deepEqual(await dangling(), [], `slept at step ${at}`);
      if (slow.steps() < at) return assert.ok(at > 20, `only ${at} steps`);
    }
  });

  it("overtakes at any step the other, whose deletes are on their way: no writer is caught by them", async () => {
    for (let at = 1;; at++) {
      await using place = fresh();
      const { backend, collect, name, dangling } = await start(place);
      const [sent, arriving] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const slow = withBlobs(backend, (blobs) => ({
        async delete(seen, options) {
          sent.resolve();
          await arriving.promise;
          return await blobs.delete(seen, options);
        },
      }));
      let other: Promise<void> = Promise.resolve();
      const fast = interrupted(backend, at, async () => {
        other = collect(slow);
        await Promise.race([sent.promise, other]);
      });
      await collect(fast.watched);
      await name();
      arriving.resolve();
      await other;
      assert.deepEqual(await dangling(), [], `overtook at step ${at}`);
      if (fast.steps() < at) return assert.ok(at > 20, `only ${at} steps`);
    }
  });
});
