import assert from "node:assert/strict";
import { it } from "node:test";
import { isOciError, type Layout, openLayout } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { fc } from "../fast_check.ts";
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

const image = imageOf("adopted");

/** Collects; at its steps of these numbers, others do what they do. How many steps there were comes back. */
async function collectBeside(
  place: Place,
  acts: ReadonlyMap<number, readonly (() => Promise<void>)[]>,
): Promise<number> {
  let steps = 0;
  // Without a trash, which would hide what should not have gone.
  const { blobs: { trash: _, ...blobs }, ...rest } = await place.backend();
  const backend = stepwise({ ...rest, blobs }, async (_, act) => {
    for (const other of acts.get(++steps) ?? []) await other();
    return await act();
  }, { reads: true });
  const { store } = await openLayout(backend, { mode: "write", clock: aheadBy(HOUR) });
  await collect(unlocked(store), eager());
  return steps;
}

/** A writer that pushes at one moment and names at another; undefined unless it failed cleanly. */
async function adopt(place: Place, push: number, tag: number) {
  const layout = await place.open();
  await pushNamed(layout, "kept", "main");
  await pushAll(layout, image.config, image.layer, image);
  const writer = await place.open({ mode: "write" });
  let failed: unknown;
  const attempt = (act: (writer: Layout) => Promise<unknown>) => async () => {
    try {
      await act(writer);
    } catch (error) {
      failed = error;
    }
  };
  const acts = new Map<number, (() => Promise<void>)[]>();
  const at = (step: number, act: () => Promise<void>) =>
    acts.set(step, [...acts.get(step) ?? [], act]);
  at(push, attempt((writer) => pushAll(writer, image.config, image.layer, image)));
  at(tag, attempt((writer) => writer.tag(image.descriptor, "new")));
  const steps = await collectBeside(place, acts);
  assert.deepEqual(await danglingIn(layout), [], `pushed at ${push}, tagged at ${tag}`);
  if (failed !== undefined && !isOciError(failed, "not_found", "conflict")) throw failed;
  if (tag <= steps) {
    assert.deepEqual(await listedIn(layout), failed ? ["main"] : ["main", "new"]);
  }
  await collectIn(place);
  assert.deepEqual(await danglingIn(layout), []);
  const kept = digestsOf(imageOf("kept"));
  const whole = tag <= steps && !failed ? [...kept, ...digestsOf(image)] : kept;
  assert.deepEqual(await storedIn(layout), [...new Set(whole)].sort());
  return steps;
}

everyLayout("a writer who adopts what is condemned", (fresh, kind) => {
  it("at any step of the collector has its name whole", async () => {
    const stride = kind === "memory" ? 1 : 5;
    let steps = Infinity;
    for (let step = 1; step <= steps; step += stride) {
      await using place = fresh();
      steps = await adopt(place, step, step);
    }
    assert.ok(steps > 8, `only ${steps} steps`);
  });

  it("and names it some steps later has it whole or is told; no name ever dangles", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 45 }), fc.nat(20), async (push, later) => {
        await using place = fresh();
        await adopt(place, push, push + later);
      }),
      { numRuns: kind === "memory" ? 100 : 8 },
    );
  });

  it("by naming what is stored, at any step, has it whole or is told", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 45 }), async (tag) => {
        await using place = fresh();
        await adopt(place, 1_000, tag);
      }),
      { numRuns: kind === "memory" ? 40 : 6 },
    );
  });
});
