import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Clock } from "../../core/clock.ts";
import { type Descriptor, REF_NAME } from "../../core/descriptor.ts";
import { INDEX_TYPE } from "../../core/image_index.ts";
import { fails } from "../fails.ts";
import { pushImage } from "../images.ts";
import { everyLayout, hastyClock, makePlace } from "../layouts.ts";

const MARKER = '{ "imageLayoutVersion" : "1.0.0", "later" : 1.0 }';

everyLayout("an edit of what another tool wrote", (newPlace) => {
  /** A layout of another tool; `text` holds the image as `IMAGE`. */
  async function start(text: string) {
    const place = newPlace();
    const image = await pushImage(await place.open(), "a");
    await place.write("oci-layout", MARKER);
    const index = text.replaceAll("IMAGE", JSON.stringify(image).slice(1, -1));
    await place.write("index.json", index);
    const layout = await place.open({ mode: "write" });
    return {
      place,
      layout,
      image,
      index,
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  }

  it("leaves every member, number, duplicate and odd entry as it was written", async () => {
    const text = `{ "later" : {"n": 12345678901234567, "f": 1.50, "e": 1E3},
      "manifests": [ { IMAGE, "later": 9007199254740993, "annotations": {"b": "1", "a": "2"} },
        { "size": -0, "digest": "sha256:1234" }, null, { IMAGE }, { IMAGE } ],
      "schemaVersion": 2,
      "annotations": { "z": "1", "__proto__": "2", "a": "3" } }`;
    await using started = await start(text);
    const { place, layout, image, index } = started;
    await layout.tag(image, "v1");
    const written = (await place.read("index.json") ?? "").replaceAll("\n", "");
    const compact = index.replace(
      /"(?:[^"\\]|\\.)*"|\s+/g,
      (token) => token.startsWith('"') ? token : "",
    );
    const [before, after] = [compact.split(/\{"mediaType"/), written.split(/\{"mediaType"/)];
    assert.deepEqual(after.slice(0, 2), before.slice(0, 2));
    assert.match(
      written,
      /"schemaVersion":2,"mediaType":"[^"]+","annotations":\{"z":"1","__proto__":"2","a":"3",/,
    );
    assert.match(written, /12345678901234567,"f":1\.50,"e":1E3/);
    assert.match(written, /9007199254740993,"annotations":\{"b":"1","a":"2"\}/);
    assert.match(written, /\{"size":-0,"digest":"sha256:1234"\},null/);
    assert.match(written, /"__proto__":"2"/);
  });

  it("takes the untagged entries of the digest along that say nothing more", async () => {
    await using started = await start(
      '{"manifests":[{IMAGE},{IMAGE,"later":1},{IMAGE}],"schemaVersion":2}',
    );
    await started.layout.tag(started.image, "v1");
    const { manifests } = await started.layout.index();
    assert.deepEqual(manifests.map((one) => [one["later"], one.annotations?.[REF_NAME]]), [[
      1,
      undefined,
    ], [undefined, "v1"]]);
  });

  it("fills in schema version and media type, and no more", async () => {
    await using started = await start(
      `{"manifests":[{IMAGE,"annotations":{"${REF_NAME}":"theirs"}}]}`,
    );
    const { layout, image, place } = started;
    await layout.tag(image, "ours");
    const { annotations: _, manifests, ...members } = await layout.index();
    assert.deepEqual(members, { schemaVersion: 2, mediaType: INDEX_TYPE });
    assert.deepEqual(await (await place.open({ mode: "read" })).index(), await layout.index());
    assert.deepEqual(manifests[0]?.annotations, { [REF_NAME]: "theirs" });
    assert.equal(await place.read("oci-layout"), MARKER);
  });

  it("makes manifests that were null an array", async () => {
    await using started = await start('{"schemaVersion":2,"manifests":null}');
    await started.layout.tag(started.image, "v1");
    assert.equal((await started.layout.index()).manifests.length, 1);
  });

  it("is refused where it would pass the limit, and the index stays", async () => {
    await using started = await start('{"schemaVersion":2,"manifests":[{IMAGE}]}');
    const { place, image, index } = started;
    const narrow = await place.open({ mode: "write", limits: { index: index.length + 50 } });
    await fails(narrow.tag(image, "v1"), "size_exceeded");
    assert.equal(await place.read("index.json"), index);
  });

  for (const torn of ["", "garbage", '{"schemaVersion":2,"mani', '{"manifests":{}}']) {
    it(`is refused once it reads ${JSON.stringify(torn)}, and the index stays`, async () => {
      await using started = await start('{"schemaVersion":2,"manifests":[{IMAGE}]}');
      const { place, image } = started;
      const layout = await place.open({ mode: "write", clock: hastyClock() });
      await place.write("index.json", torn);
      for (
        const call of [
          () => layout.tag(image, "v1"),
          () => layout.resolve("v1"),
          () => layout.references(),
          () => layout.single(),
        ]
      ) {
        const error = await fails(call(), "corrupt", /"index\.json"/);
        assert.equal(error.url, layout.url.href);
      }
      assert.equal(await place.read("index.json"), torn);
    });
  }

  it("waits for an index that is torn only for a moment", async () => {
    await using started = await start('{"schemaVersion":2,"manifests":[]}');
    const { place, layout, image, index } = started;
    await place.write("index.json", index.slice(0, 20));
    const edit = layout.tag(image, "v1");
    setTimeout(() => void place.write("index.json", index), 60);
    await edit;
    assert.equal((await layout.resolve("v1")).digest, image.digest);
  });
});

everyLayout("equal edits of equal layouts", (newPlace) => {
  it("give equal bytes at equal times, with equal chance", async () => {
    const texts: (string | undefined)[] = [];
    for (let n = 0; n < 2; n++) {
      await using place = newPlace();
      let chance = 0;
      const random = () => chance = (chance + 0.137) % 1;
      const clock: Clock = { ...hastyClock(), now: () => Date.UTC(2024, 0, 1), random };
      const layout = await place.open({ clock });
      const images: Descriptor[] = [];
      for (const text of ["a", "b", "c"]) images.push(await pushImage(layout, text));
      const [a, b, c] = images;
      assert.ok(a && b && c);
      await layout.tag(
        n === 0
          ? { ...a, annotations: { x: "1", y: "2" } }
          : { annotations: { y: "2", x: "1" }, ...a },
        ["v1", "app:v1"],
      );
      await layout.tag(b, "v1", { keepPrevious: true });
      await layout.transaction(async (tx) => {
        tx.insert(c);
        await tx.tag(c, "v3");
      });
      texts.push(await place.read("index.json"));
    }
    assert.match(texts[0] ?? "", /"v3"/);
    assert.equal(texts[0], texts[1]);
  });
});

describe("what other tools keep in a directory", () => {
  it("stays where it is, and is listed nowhere", async () => {
    await using place = makePlace("dir");
    const layout = await place.open();
    const root = place.url.pathname;
    const image = await pushImage(layout, "a");
    const strangers = [
      "manifest.json",
      "repositories",
      "ingest/x/data",
      ".umoci-1/lock",
      "blobs/sha256/x.tmp",
      "index.json.bak",
    ];
    for (const path of strangers) {
      mkdirSync(join(root, path, ".."), { recursive: true });
      writeFileSync(join(root, path), "theirs");
    }
    await layout.tag(image, "v1");
    await layout.untag("v1");
    for await (const { digest } of layout.walk()) assert.match(digest, /^sha256:[0-9a-f]{64}$/);
    assert.deepEqual(await layout.statuses(), []);
    for (const path of strangers) assert.equal(await place.read(path), "theirs", path);
  });
});
