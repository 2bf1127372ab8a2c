import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Descriptor } from "../../core/descriptor.ts";
import { OciError } from "../../core/errors.ts";
import { fileLock } from "../../core/local/file_lock.ts";
import { openLayout } from "../../core/open_layout.ts";
import { systemClock } from "../../core/clock.ts";
import { fails } from "../fails.ts";
import { pushImage } from "../images.ts";
import { everyLayout, makePlace } from "../layouts.ts";

everyLayout("many on one layout", (newPlace) => {
  it("five writers, ten edits each, none lost", async () => {
    await using place = newPlace();
    const writers = await Promise.all(Array.from({ length: 5 }, () => place.open()));
    await Promise.all(writers.map(async (layout, w) => {
      const image = await pushImage(layout, `${w}`);
      for (let n = 0; n < 10; n++) await layout.tag(image, `w${w}-${n}`);
    }));
    const rows = await (await place.open({ mode: "read" })).references();
    assert.equal(rows.length, 50);
    assert.equal(new Set(rows.map(({ name }) => name)).size, 50);
  });

  it("one layout edited from a hundred places at once loses nothing", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const image = await pushImage(layout, "a");
    await Promise.all(Array.from({ length: 100 }, (_, n) => layout.tag(image, `v${n}`)));
    await Promise.all(Array.from({ length: 50 }, (_, n) => layout.untag(`v${n}`)));
    assert.equal((await layout.references()).length, 50);
  });

  it("readers never see half an index, nor fewer names than before", async () => {
    await using place = newPlace();
    const writer = await place.open();
    const image = await pushImage(writer, "a");
    let done = false;
    const read = async () => {
      const reader = await place.open({ mode: "read" });
      let most = 0;
      while (!done) {
        const { length } = await reader.references();
        assert.ok(length >= most, `${length} names after ${most}`);
        most = length;
        if (length > 0) assert.equal((await reader.resolve("v0")).digest, image.digest);
      }
      return (await reader.references()).length;
    };
    const readers = [read(), read()];
    for (let n = 0; n < 30; n++) await writer.tag(image, `v${n}`);
    done = true;
    assert.deepEqual(await Promise.all(readers), [30, 30]);
  });

  it("two names moved back and forth at once are always two names", async () => {
    await using place = newPlace();
    const [one, two] = [await place.open(), await place.open()];
    const [a, b] = [await pushImage(one, "a"), await pushImage(two, "b")];
    const move = async (layout: typeof one, name: string) => {
      for (let n = 0; n < 8; n++) await layout.tag(n % 2 ? a : b, name);
    };
    await Promise.all([move(one, "x"), move(two, "y"), move(two, "z")]);
    assert.deepEqual((await one.references()).map(({ name }) => name), ["x", "y", "z"]);
  });

  it("a counter kept in an annotation by compare-and-tag counts every step", async () => {
    await using place = newPlace();
    const writers = await Promise.all(Array.from({ length: 3 }, () => place.open()));
    const [first] = writers;
    assert.ok(first);
    await first.tag(await pushImage(first, "a"), "counter", { annotations: { n: "0" } });
    await Promise.all(writers.map(async (layout) => {
      for (let step = 0; step < 8; step++) {
        await layout.transaction(async (tx) => {
          const { annotations } = await tx.resolve("counter");
          tx.annotate("counter", { n: `${Number(annotations?.["n"]) + 1}` });
        });
      }
    }));
    assert.equal((await first.resolve("counter")).annotations?.["n"], "24");
  });

  it("a disk that is full on the index leaves the old one whole", async () => {
    await using place = newPlace();
    const image = await pushImage(await place.open(), "a");
    const backend = await place.backend();
    const full = () =>
      Promise.reject(new OciError("unavailable", "Cannot write: no space left on the disk"));
    const layout = await openLayout({ ...backend, docs: { ...backend.docs, swap: full } }, {
      mode: "write",
    });
    const before = await place.read("index.json");
    await fails(layout.tag(image, "v1"), "unavailable", /no space left/);
    assert.equal(await place.read("index.json"), before);
  });

  it("a swap that always loses is a conflict once the wait is over", async () => {
    await using place = newPlace();
    const image = await pushImage(await place.open(), "a");
    const backend = await place.backend();
    const lost = () => Promise.reject(new OciError("conflict", "Cannot swap: it has moved on"));
    const layout = await openLayout({ ...backend, docs: { ...backend.docs, swap: lost } }, {
      mode: "write",
      wait: 50,
    });
    await fails(layout.tag(image, "v1"), "conflict");
  });

  it("a signal ends an edit that waits", async () => {
    await using place = newPlace();
    const image = await pushImage(await place.open(), "a");
    const backend = await place.backend();
    const never = new Promise<never>(() => {});
    const stop = new AbortController();
    const layout = await openLayout({ ...backend, docs: { ...backend.docs, swap: () => never } }, {
      mode: "write",
      signal: stop.signal,
    });
    const edit = layout.tag(image, "v1");
    setTimeout(() => stop.abort(), 20);
    await fails(edit, "aborted");
  });

  it("what was stored before a collection fenced the index is made sure of again", async () => {
    await using place = newPlace();
    const layout = await place.open();
    const images: Descriptor[] = [await pushImage(layout, "a"), await pushImage(layout, "b")];
    const other = await place.open();
    const [a, b] = images;
    assert.ok(a && b);
    await other.tag(a, "a");
    await other.tag(b, "b");
    await other.delete(b.digest);
    await fails(layout.tag(b, "again"), "not_found");
    await layout.tag(a, "again");
    assert.deepEqual((await layout.references()).map(({ name }) => name), ["a", "again"]);
  });
});

describe("a directory whose lock is held", () => {
  it("is locked once the wait is over, naming holder and age; free again, it is written", async () => {
    await using place = makePlace("dir");
    const layout = await place.open({ wait: 60 });
    const image = await pushImage(layout, "a");
    const ours = join(place.url.pathname, ".stowage");
    const lock = fileLock(ours, { clock: systemClock, tmp: join(ours, "tmp") });
    {
      await using _held = await lock.acquire("lock");
      await fails(layout.tag(image, "v1"), "locked", /held|pid|since|for/);
      const stop = new AbortController();
      const patient = await place.open({ signal: stop.signal });
      const edit = patient.tag(image, "v2");
      setTimeout(() => stop.abort(), 20);
      await fails(edit, "aborted");
      assert.deepEqual(await layout.references(), []);
    }
    await layout.tag(image, "v1");
    assert.equal((await layout.resolve("v1")).digest, image.digest);
  });
});
