import assert from "node:assert/strict";
import { it } from "node:test";
import { type Backend, copy, openLayout } from "../../../core/mod.ts";
import { rehearsed } from "../../../plugins/commands/rehearsal.ts";
import { indexOf, pushAll, pushImage } from "../../images.ts";
import { everyLayout } from "../../layouts.ts";

/** A backend that fails whenever something is written to it. */
function untouchable({ url, docs, blobs }: Backend): Backend {
  const refuse = () => Promise.reject(new Error("a rehearsal wrote"));
  const { adopt, renew, ...others } = blobs;
  assert.ok(adopt && renew);
  return {
    url,
    docs: { ...docs, swap: refuse },
    blobs: {
      ...others,
      ingest: refuse,
      abort: refuse,
      delete: refuse,
      adopt: refuse,
      renew: refuse,
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

everyLayout("a rehearsal", (place) => {
  it("sets names, drops names, deletes, and leaves the place as it is", async () => {
    await using real = await place();
    await using elsewhere = await place();
    const source = await elsewhere.open();
    const child = await pushImage(source, "child");
    const index = indexOf([child]);
    await pushAll(source, index);
    await source.tag(index.descriptor, "multi");
    const here = await real.open();
    await here.tag(await pushImage(here, "old"), ["old", "older"]);
    const before = await real.snapshot();

    const backend = rehearsed(real.url, untouchable(await real.backend()));
    await using layout = await openLayout(backend, { mode: "write" });
    const { copied } = await copy(source, "multi", layout);
    assert.equal(copied[0]?.descriptor.digest, index.descriptor.digest);
    await layout.tag("multi", "again");
    await layout.untag("old");
    await layout.untag("older");
    await layout.delete((await here.resolve("old")).digest);
    const names = (await layout.references()).map(({ name }) => name);
    assert.deepEqual(names, ["again", "multi"]);
    await assert.rejects(layout.resolve("old"), { code: "not_found" });

    assert.deepEqual(await real.snapshot(), before);
    assert.deepEqual((await here.references()).map(({ name }) => name), ["old", "older"]);
    assert.equal(await here.exists(child.digest), false);
  });

  it("makes a layout where none is, for itself alone", async () => {
    await using real = await place();
    const before = await real.snapshot();
    const backend = rehearsed(real.url, untouchable(await real.backend()));
    await using layout = await openLayout(backend, { mode: "create" });
    const text = "x".repeat(100);
    const manifest = await pushImage(layout, text);
    await layout.tag(manifest, "v1");
    assert.equal((await layout.resolve("v1")).digest, manifest.digest);
    assert.deepEqual(await real.snapshot(), before);
  });
});
