// What collections cost those who write: nothing while none is under way.
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Backend, type BlobInfo, type Layout, openLayout } from "../../core/mod.ts";
import { type Image, imageOf, pushAll } from "../images.ts";
import { everyLayout } from "../layouts.ts";
import { collectIn, pushNamed } from "./collecting.ts";

/** A backend that notes what is asked of it. */
function noting(backend: Backend, calls: string[], more: Partial<Backend["blobs"]> = {}): Backend {
  const note =
    <A extends unknown[], T>(what: string, act: (...args: A) => T) => (...args: A): T => {
      calls.push(what);
      return act(...args);
    };
  const { docs, blobs } = backend;
  const { renew } = blobs;
  return {
    ...backend,
    docs: {
      ...docs,
      load: (name, options) => note(`load ${name}`, docs.load)(name, options),
      swap: (name, ...rest) => note(`swap ${name}`, docs.swap)(name, ...rest),
    },
    blobs: {
      ...blobs,
      stat: note("stat", blobs.stat),
      read: note("read", blobs.read),
      list: note("list", blobs.list),
      delete: note("delete", blobs.delete),
      ...(renew ? { renew: note("renew", renew) } : {}),
      ingest: async (options) => {
        const ingest = await note("ingest", blobs.ingest)(options);
        return Object.create(ingest, {
          status: { get: () => ingest.status },
          writable: { get: () => ingest.writable },
          commit: { value: note("commit", (blob: BlobInfo) => ingest.commit(blob)) },
          [Symbol.asyncDispose]: { value: () => ingest[Symbol.asyncDispose]() },
        });
      },
      ...more,
    },
  };
}

/** What pushing and naming an image comes to. */
async function costs(layout: Layout, calls: string[], image: Image) {
  const since = async (act: () => Promise<unknown>) => {
    calls.length = 0;
    await act();
    return [...calls];
  };
  return {
    push: await since(() => pushAll(layout, image.config)),
    rest: await since(() => pushAll(layout, image.layer, image)),
    tag: await since(() => layout.tag(image.descriptor, "new")),
    again: await since(() => pushAll(layout, image.config, image.layer, image)),
    untag: await since(() => layout.untag("new")),
  };
}

const PUSH = ["stat", "ingest", "commit"];

everyLayout("while no collection is under way", (fresh) => {
  for (const renews of [true, false]) {
    const kind = renews ? "copies are renewed" : "it deletes by a deadline";
    it(`a push and a tag cost as much as if there had never been one, where ${kind}`, async () => {
      await using place = fresh();
      const calls: string[] = [];
      const { renew: _, ...plain } = (await place.backend()).blobs;
      const open = async () => {
        const backend = await place.backend();
        const blunt = { ...backend, blobs: { ...plain, deleteBound: 60_000 } };
        return await openLayout(noting(renews ? backend : blunt, calls), {
          mode: "create",
          durability: "none",
        });
      };
      const before = await costs(await open(), calls, imageOf("one"));
      assert.deepEqual(before.push, PUSH);
      assert.deepEqual(before.rest, [...PUSH, ...PUSH]);
      assert.deepEqual(before.again, Array(3).fill(renews ? ["stat", "renew"] : "stat").flat());
      assert.deepEqual(before.tag, ["load index.json", "read", "swap index.json"]);
      assert.deepEqual(before.untag, ["load index.json", "swap index.json"]);

      await pushNamed(await place.open(), "kept", "main");
      await pushNamed(await place.open(), "gone");
      const { epoch } = await collectIn(place);
      assert.equal(epoch, 1);
      const after = await costs(await open(), calls, imageOf("two"));
      assert.deepEqual(after, before);
    });
  }
});
