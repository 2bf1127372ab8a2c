// A copy brings what a collector without grace takes before it has a name.
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Backend, copy, OciError, openLayout } from "../../core/mod.ts";
import { fails } from "../fails.ts";
import { imageOf, pushAll } from "../images.ts";
import { everyLayout, makePlace, type Place } from "../layouts.ts";
import { collectIn, danglingIn, digestsOf, listedIn, pushNamed, storedIn } from "./collecting.ts";

const image = imageOf("copied");

/** A layout that lists one image; `read` stands before each look at its bytes. */
async function source(place: Place, read: (times: number) => void = () => {}) {
  await pushNamed(await place.open(), "copied", "v1");
  const backend = await place.backend();
  const times = new Map<string, number>();
  const { blobs } = backend;
  const watched: Backend = {
    ...backend,
    blobs: {
      ...blobs,
      read: (digest, range) => {
        times.set(digest, (times.get(digest) ?? 0) + 1);
        read(times.get(digest) ?? 0);
        return blobs.read(digest, range);
      },
    },
  };
  return await openLayout(watched, { mode: "read" });
}

/** A layout in which a collector takes all that nothing reaches, before each of the first swaps of the index. */
async function target(place: Place, collections: number) {
  let left = collections;
  const { docs, ...backend } = await place.backend();
  const swap: typeof docs.swap = async (name, ...rest) => {
    if (name === "index.json" && left-- > 0) await collectIn(place);
    return await docs.swap(name, ...rest);
  };
  return await openLayout({ ...backend, docs: { ...docs, swap } }, { mode: "create" });
}

everyLayout("a copy that is collected before it has a name", (fresh) => {
  it("brings all of it again, also what it had found there, and has its name whole", async () => {
    for (const there of [false, true]) {
      await using origin = makePlace("memory");
      await using place = fresh();
      const layout = await place.open();
      if (there) await pushAll(layout, image.config, image.layer, image);
      const { tally } = await copy(await source(origin), "v1", await target(place, 3));
      assert.equal(tally.blobs, 3);
      assert.deepEqual(await listedIn(layout), ["v1"]);
      assert.deepEqual(await danglingIn(layout), []);
      assert.deepEqual(await storedIn(layout), digestsOf(image));
    }
  });

  it("says so where its source can be read only once, and leaves no name", async () => {
    await using origin = makePlace("memory");
    await using place = fresh();
    const layout = await place.open();
    const from = await source(origin, (times) => {
      if (times > 1) throw new OciError("unavailable", "Cannot read: the stream has passed it");
    });
    await fails(copy(from, "v1", await target(place, 1)), "conflict", /collected meanwhile/);
    assert.deepEqual(await listedIn(layout), []);
  });

  it("gives up where collectors are faster each time", async () => {
    await using origin = makePlace("memory");
    await using place = fresh();
    const layout = await place.open();
    const to = await target(place, Infinity);
    await fails(copy(await source(origin), "v1", to), "conflict", /collected meanwhile/);
    assert.deepEqual(await listedIn(layout), []);
  });
});
