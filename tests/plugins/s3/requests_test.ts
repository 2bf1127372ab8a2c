import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { copy, createRegistry, type Layout, openLayout } from "../../../core/mod.ts";
import { memory } from "../../../plugins/memory/mod.ts";
import { s3 } from "../../../plugins/s3/mod.ts";
import { noise } from "../../contract/suite.ts";
import { imageOf, LAYER_TYPE, pushAll } from "../../images.ts";
import { credentialsOf, startBucket } from "./buckets.ts";

const { server, url } = await startBucket();
after(() => server[Symbol.asyncDispose]());

/** Opens as a new process would: nothing is known but what the bucket tells. */
function open(place: URL, mode: "read" | "write" | "create"): Promise<Layout> {
  return openLayout(place, { registry: createRegistry([s3(credentialsOf(server))]), mode });
}

/** The requests that `act` makes. */
async function asked(act: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const after = server.journal.entries.at(-1)?.number ?? 0;
  await act();
  return server.journal.tally({ after });
}

const place = url("requests/layout");
const image = imageOf("one");
{
  await using layout = await open(place, "create");
  await pushAll(layout, image.config, image.layer, image);
  await layout.tag(image.descriptor, "v1");
}

describe("requests that a layout in a bucket makes", () => {
  for (const mode of ["read", "write", "create"] as const) {
    it(`to be opened to ${mode}, one GET`, async () => {
      const tally = await asked(async () => {
        await using _layout = await open(place, mode);
      });
      assert.deepEqual(tally, { GetObject: 1 });
    });
  }

  it("to set a name, one GET and one PUT", async () => {
    await using layout = await open(place, "write");
    const tally = await asked(() => layout.tag("v1", "v2"));
    assert.deepEqual(tally, { GetObject: 1, PutObject: 1 });
  });

  it("to store and name an image of two blobs, a look and a PUT each, and the swap", async () => {
    await using layout = await open(place, "write");
    const other = imageOf("two");
    const tally = await asked(async () => {
      await pushAll(layout, other.config, other.layer, other);
      await layout.tag(other.descriptor, "other");
    });
    assert.deepEqual(tally, { HeadObject: 3, GetObject: 2, PutObject: 4 });
  });

  it("for a layer of 30 MiB to be copied, two looks and a PUT: no books are kept of it", async () => {
    await using layout = await open(place, "write");
    await using source = await openLayout("mem:", {
      registry: createRegistry([memory()]),
      mode: "create",
    });
    const large = noise(30 << 20);
    const { descriptor } = await source.push({ mediaType: LAYER_TYPE }, large);
    await source.tag(descriptor, "large");
    const tally = await asked(() => copy(source, "large", layout));
    assert.deepEqual(tally, { HeadObject: 2, GetObject: 2, PutObject: 2 });
  });

  it("to be made, no more than a probe and its documents", async () => {
    const tally = await asked(async () => {
      await using _layout = await open(url("requests/new"), "create");
    });
    const sum = Object.values(tally).reduce((sum, count) => sum + count, 0);
    assert.ok(sum < 100, JSON.stringify(tally));
  });
});
