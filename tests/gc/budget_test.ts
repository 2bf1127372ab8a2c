import assert from "node:assert/strict";
import { it } from "node:test";
import { type Backend, openLayout, systemClock } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { blobOf, imageOf, pushAll } from "../images.ts";
import { everyLayout, inMemory, type Place } from "../layouts.ts";
import { aheadBy, collectIn, danglingIn, digestsOf, eager, HOUR, storedIn } from "./collecting.ts";

/** Pushes so many blobs that nothing needs, one of them a manifest. */
async function litter(place: Place, blobs: number): Promise<void> {
  const layout = await place.open();
  const image = imageOf("garbage");
  await pushAll(layout, image.config, image.layer, image);
  for (let at = 3; at < blobs; at++) await pushAll(layout, blobOf(`garbage ${at}`));
}

everyLayout("a budget", (fresh) => {
  it("of deletes is kept to the blob, manifests first, and the next runs go on", async () => {
    await using place = fresh();
    await litter(place, 8);
    const layout = await place.open();
    const node = imageOf("garbage").descriptor.digest;
    const counts: number[] = [];
    for (let left = 8; left > 0; left = (await storedIn(layout)).length) {
      const { removed, stopped } = await collectIn(place, { budget: { deletes: 3 } });
      if (counts.length === 0) assert.ok([...removed].some(({ digest }) => digest === node));
      counts.push(removed.length);
      assert.match(stopped ?? "budget of deletes is spent", /^budget of deletes is spent$/);
      assert.ok(counts.length < 10, "it does not get on");
    }
    assert.deepEqual(counts, [3, 3, 2]);
    assert.equal((await collectIn(place)).stopped, undefined);
  });

  it("of no delete at all deletes nothing, and loses nothing", async () => {
    await using place = fresh();
    await litter(place, 4);
    const before = await storedIn(await place.open());
    const { removed, stopped } = await collectIn(place, { budget: { deletes: 0 } });
    assert.deepEqual([removed.length, stopped], [0, "budget of deletes is spent"]);
    assert.deepEqual(await storedIn(await place.open()), before);
  });

  it("that was spent leaves writers what they adopt meanwhile", async () => {
    await using place = fresh();
    const layout = await place.open();
    await litter(place, 6);
    await collectIn(place, { budget: { deletes: 0 } });
    const image = imageOf("garbage");
    await pushAll(layout, image.config, image.layer, image);
    await layout.tag(image.descriptor, "back");
    await collectIn(place);
    assert.deepEqual(await danglingIn(layout), []);
    assert.deepEqual(await storedIn(layout), digestsOf(image));
  });
});

inMemory("a budget", (fresh) => {
  /** A clock on which each look at it takes a millisecond. */
  const slow = () => {
    let looks = 0;
    return { ...aheadBy(HOUR), elapsed: () => ++looks };
  };

  it("of time counts from the start of the run, and each run gets on all the same", async () => {
    await using place = fresh();
    await litter(place, 5);
    const run = async () => {
      const { store } = await place.open({ mode: "write", clock: slow() });
      return await collect(store, eager({ budget: { time: 4 } }));
    };
    const first = await run();
    assert.match(first.stopped ?? "", /budget of time/);
    let runs = 1;
    while ((await storedIn(await place.open())).length > 0) {
      await run();
      assert.ok(++runs < 10, "it does not get on");
    }
    assert.ok(runs > 1);
  });

  it("of requests counts those of the place", async () => {
    await using place = fresh();
    await litter(place, 5);
    const { blobs, ...rest } = await place.backend();
    let requests = 100;
    const backend: Backend = {
      ...rest,
      usage: () => ({ GET: requests }),
      blobs: { ...blobs, delete: (...args) => (requests += 5, blobs.delete(...args)) },
    };
    const { store } = await openLayout(backend, { mode: "write", clock: aheadBy(HOUR) });
    const { stopped, removed } = await collect(store, eager({ budget: { requests: 5 } }));
    assert.deepEqual([stopped, removed.length], ["budget of requests is spent", 1]);
    const rest2 = await collect(store, eager({ budget: { requests: 10 } }));
    assert.deepEqual([rest2.stopped, rest2.removed.length], [undefined, 4]);
  });

  it("a run that is told to end says what it did, and the next one goes on", async () => {
    await using place = fresh();
    await litter(place, 6);
    const abort = new AbortController();
    const { blobs, ...rest } = await place.backend();
    const backend: Backend = {
      ...rest,
      blobs: {
        ...blobs,
        delete: async (seen, options) => {
          const answers = await blobs.delete(seen, options);
          abort.abort();
          return answers;
        },
      },
    };
    const { store } = await openLayout(backend, {
      mode: "write",
      clock: aheadBy(HOUR),
      signal: abort.signal,
    });
    const { removed, stopped, failed } = await collect(store, eager());
    assert.deepEqual([removed.length, stopped, failed], [1, "told to end", []]);
    const next = await collectIn(place);
    assert.deepEqual([next.resumed, next.removed.length, next.stopped], [5, 5, undefined]);
  });

  it("the promise to be alone takes all at once, young or not, and keeps no trash", async () => {
    await using place = fresh();
    await litter(place, 5);
    const { store } = await place.open({ mode: "write" });
    await systemClock.sleep(20);
    const options = eager({ exclusive: true, trash: 0 });
    const { removed, trash } = await collect(store, options);
    assert.deepEqual([removed.length, trash.bytes], [5, 0]);
    assert.deepEqual(await Array.fromAsync(store.backend.blobs.trash?.list() ?? []), []);
  });
});
