import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import type { Blobs, OpenMode } from "../../core/backend.ts";
import { REF_NAME } from "../../core/descriptor.ts";
import { type ErrorCode, OciError } from "../../core/errors.ts";
import { INDEX_TYPE } from "../../core/image_index.ts";
import { isSparse } from "../../core/layout_file.ts";
import { openLayout } from "../../core/open_layout.ts";
import { fails } from "../fails.ts";
import { blobOf, pushImage } from "../images.ts";
import { everyLayout, hastyClock, makePlace, registry } from "../layouts.ts";
import { unless } from "../skip.ts";

const MARKER = '{"imageLayoutVersion":"1.0.0"}';
const EMPTY = `{"schemaVersion":2,"mediaType":"${INDEX_TYPE}","manifests":[]}`;
const { descriptor } = blobOf("a blob");
const named = { ...descriptor, annotations: { [REF_NAME]: "good" } };
const listing = (...manifests: unknown[]) => JSON.stringify({ schemaVersion: 2, manifests });

/** What opening comes to: an error, or nothing odd, or a notice. */
type Outcome = ErrorCode | "opens" | `notice ${string}`;

interface Row {
  readonly marker?: string;
  readonly index?: string;
  readonly read: Outcome;
  readonly write?: Outcome;
  readonly create?: Outcome;
  /** What stands there after an opening for writing; default: what stood there before. */
  readonly after?: readonly [marker: string | undefined, index: string | undefined];
  readonly limits?: { index: number };
}

const REPAIRED = { read: "corrupt", write: "notice repaired", after: [MARKER, EMPTY] } as const;

const ROWS: Readonly<Record<string, Row>> = {
  "no layout": { read: "not_found", create: "opens", after: [MARKER, EMPTY] },
  "a layout": { marker: MARKER, index: EMPTY, read: "opens" },
  "an index without a marker": {
    index: listing(named),
    read: "not_found",
    create: "notice repaired",
    after: [MARKER, listing(named)],
  },
  "garbage without a marker": { index: "garbage", read: "corrupt" },
  "an empty index without a marker": {
    index: "",
    read: "not_found",
    create: "opens",
    after: [MARKER, EMPTY],
  },
  "an empty marker": {
    marker: "",
    index: listing(named),
    read: "corrupt",
    write: "notice repaired",
    after: [MARKER, listing(named)],
  },
  "an empty marker and an empty index": { marker: "", index: "", read: "corrupt" },
  "an empty marker alone": { marker: " ", read: "corrupt" },
  "a marker that is no JSON": { marker: "garbage", index: EMPTY, read: "corrupt" },
  "a marker that is an array": { marker: "[]", index: EMPTY, read: "corrupt" },
  "a marker that is null": { marker: "null", index: EMPTY, read: "corrupt" },
  "a marker without a version": { marker: "{}", index: EMPTY, read: "corrupt" },
  "a marker whose version is a number": {
    marker: '{"imageLayoutVersion":1}',
    index: EMPTY,
    read: "corrupt",
  },
  "a marker with two versions": {
    marker: '{"imageLayoutVersion":"1.0.0","imageLayoutVersion":"1.0.0"}',
    index: EMPTY,
    read: "corrupt",
  },
  "a marker that is huge": {
    marker: `"${"x".repeat(1 << 17)}"`,
    index: EMPTY,
    read: "size_exceeded",
  },
  "version 2.0.0": { marker: '{"imageLayoutVersion":"2.0.0"}', index: EMPTY, read: "unsupported" },
  "a version of control characters": {
    marker: JSON.stringify({ imageLayoutVersion: "\u001b[31m\n".repeat(5_000) }),
    index: EMPTY,
    read: "unsupported",
  },
  "version 2.0.0 and garbage": {
    marker: '{"imageLayoutVersion":"2.0.0"}',
    index: "garbage",
    read: "unsupported",
  },
  "a marker with more members": {
    marker: '{ "later": 1.0, "imageLayoutVersion": "1.0.0" }',
    index: EMPTY,
    read: "opens",
  },
  "no index": { marker: MARKER, ...REPAIRED },
  "an index of no bytes": { marker: MARKER, index: "", ...REPAIRED },
  "an index of white space": { marker: MARKER, index: " \r\n\t", ...REPAIRED },
  "an index of NULs": { marker: MARKER, index: "\0".repeat(512), ...REPAIRED },
  "an index that is garbage": { marker: MARKER, index: "garbage", read: "corrupt" },
  "half an index": { marker: MARKER, index: EMPTY.slice(0, 40), read: "corrupt" },
  "an index with a byte order mark": { marker: MARKER, index: `\uFEFF${EMPTY}`, read: "corrupt" },
  "an index that is an array": { marker: MARKER, index: "[]", read: "corrupt" },
  "an index that is null": { marker: MARKER, index: "null", read: "corrupt" },
  "an index that names manifests twice": {
    marker: MARKER,
    index: '{"manifests":[],"manifests":[]}',
    read: "corrupt",
  },
  "an index of 100,000 levels": { marker: MARKER, index: "[".repeat(100_000), read: "corrupt" },
  "manifests that are an object": { marker: MARKER, index: '{"manifests":{}}', read: "corrupt" },
  "manifests that are text": { marker: MARKER, index: '{"manifests":"[]"}', read: "corrupt" },
  "schema version 1": {
    marker: MARKER,
    index: '{"schemaVersion":1,"manifests":[]}',
    read: "unsupported",
  },
  "schema version 3": { marker: MARKER, index: '{"schemaVersion":3}', read: "unsupported" },
  "no schema version": { marker: MARKER, index: '{"manifests":[]}', read: "opens" },
  "schema version 0": {
    marker: MARKER,
    index: '{"schemaVersion":0,"manifests":[]}',
    read: "opens",
  },
  "manifests that are null": {
    marker: MARKER,
    index: '{"schemaVersion":2,"manifests":null}',
    read: "opens",
  },
  "no manifests": { marker: MARKER, index: '{"schemaVersion":2}', read: "opens" },
  "a foreign index type": {
    marker: MARKER,
    index:
      `{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[]}`,
    read: "notice foreign_index",
  },
  "an index type that is a number": {
    marker: MARKER,
    index: '{"mediaType":5,"manifests":[]}',
    read: "notice foreign_index",
  },
  "an entry that is null": {
    marker: MARKER,
    index: listing(null, named),
    read: "notice unusable_entry",
  },
  "an entry that is text": {
    marker: MARKER,
    index: listing("x", named),
    read: "notice unusable_entry",
  },
  "an entry without a digest": {
    marker: MARKER,
    index: listing({ mediaType: "a/b", size: 1 }, named),
    read: "notice unusable_entry",
  },
  "an entry whose digest is a path": {
    marker: MARKER,
    index: listing({ ...named, digest: "sha256:../../../etc/passwd" }),
    read: "notice unusable_entry",
  },
  "an entry of 2^62 bytes": {
    marker: MARKER,
    index: listing({ ...named, size: 2 ** 62 }),
    read: "notice unusable_entry",
  },
  "an entry without a size": {
    marker: MARKER,
    index: listing({ mediaType: "a/b", digest: named.digest }),
    read: "notice unusable_entry",
  },
  "an entry named as another's digest": {
    marker: MARKER,
    index: listing({ ...descriptor, annotations: { [REF_NAME]: `sha256:${"0".repeat(64)}` } }),
    read: "notice digest_as_name",
  },
  "more than the limit": {
    marker: MARKER,
    index: EMPTY,
    limits: { index: 20 },
    read: "size_exceeded",
  },
  "just the limit": {
    marker: MARKER,
    index: EMPTY,
    limits: { index: EMPTY.length },
    read: "opens",
  },
};

everyLayout("opening", (newPlace, kind) => {
  for (const [what, row] of Object.entries(ROWS)) {
    const outcomes: readonly (readonly [OpenMode, Outcome])[] = [
      ["read", row.read],
      ["write", row.write ?? row.read],
      ["create", row.create ?? row.write ?? row.read],
    ];
    for (const [mode, outcome] of outcomes) {
      // What write adds to read and create is the same in any store.
      if (kind === "dir" && mode === "write") continue;
      it(`${what}, to ${mode}: ${outcome}`, async () => {
        await using place = newPlace();
        if (row.marker !== undefined) await place.write("oci-layout", row.marker);
        if (row.index !== undefined) await place.write("index.json", row.index);
        const before = await place.snapshot();
        const opening = place.open({
          mode,
          clock: hastyClock(),
          ...row.limits ? { limits: row.limits } : {},
        });
        if (outcome !== "opens" && !outcome.startsWith("notice")) {
          const error = await fails(opening, outcome as ErrorCode);
          assert.ok(error.url?.startsWith(place.url.protocol), "it does not say where");
          assert.deepEqual(await place.snapshot(), before, "something was written");
          return;
        }
        const layout = await opening;
        assert.deepEqual(
          layout.notices.map(({ code }) => `notice ${code}`),
          outcome === "opens" ? [] : [outcome],
        );
        if (mode === "read") {
          assert.deepEqual(await place.snapshot(), before, "something was written");
        }
        const [marker, index] = mode === "read"
          ? [row.marker, row.index]
          : row.after ?? [row.marker, row.index];
        assert.equal(await place.read("oci-layout"), marker);
        assert.equal(await place.read("index.json"), index);
        if (row.index?.includes('"good"')) {
          assert.ok(await layout.resolve("good").catch(() => true));
        }
      });
    }
  }

  it("a repair leaves its mark in the layout, for the collector", async () => {
    await using place = newPlace();
    await place.write("oci-layout", MARKER);
    const layout = await place.open({ mode: "write" });
    const facts = JSON.parse(await place.read(".stowage/layout.json") ?? "{}");
    assert.match(facts.repaired, /^\d{4}-\d\d-\d\dT/);
    assert.match(
      layout.notices[0]?.message ?? "",
      /^Wrote "index.json" anew: it was missing or empty$/,
    );
    assert.deepEqual((await place.open({ mode: "write" })).notices, []);
  });

  it("blobs stay readable by digest after a repair", async () => {
    await using place = newPlace();
    const image = await pushImage(await place.open(), "one");
    await place.write("index.json", undefined);
    const layout = await place.open({ mode: "write" });
    assert.equal((await layout.resolve(image.digest)).mediaType, image.mediaType);
  });

  it("an index torn for a moment is waited for", async () => {
    await using place = newPlace();
    await place.write("oci-layout", MARKER);
    await place.write("index.json", EMPTY.slice(0, 30));
    const opening = place.open({ mode: "write" });
    setTimeout(() => void place.write("index.json", EMPTY), 100);
    assert.deepEqual((await opening).notices, []);
    assert.equal(await place.read("index.json"), EMPTY);
  });

  it("a missing layout names the mode that makes one where an index is there", async () => {
    await using place = newPlace();
    await place.write("index.json", EMPTY);
    await fails(
      place.open({ mode: "read" }),
      "not_found",
      /no "oci-layout"; opening it to create adds one$/,
    );
  });

  it("many open to create at once: all succeed, on one layout", async () => {
    await using place = newPlace();
    const layouts = await Promise.all(Array.from({ length: 8 }, () => place.open()));
    await Promise.all(
      layouts.map(async (layout, n) => layout.tag(await pushImage(layout, `${n}`), `v${n}`)),
    );
    assert.equal((await (await place.open({ mode: "read" })).references()).length, 8);
  });

  it("a place is only where its files are: others in it are no one's concern", async () => {
    await using place = newPlace();
    await place.write("version", "[]");
    await place.write("repositories", "{}");
    const layout = await place.open();
    await layout.tag(await pushImage(layout, "one"), "v1");
    assert.equal(await place.read("version"), "[]");
    assert.equal(await place.read("repositories"), "{}");
    assert.deepEqual(layout.notices, []);
  });

  it("an aborted signal ends opening, and what the layout does later", async () => {
    await using place = newPlace();
    await fails(place.open({ signal: AbortSignal.abort() }), "aborted");
    const stop = new AbortController();
    const layout = await place.open({ signal: stop.signal });
    const image = await pushImage(layout, "one");
    stop.abort();
    await fails(layout.tag(image, "v1"), "aborted");
  });

  it("sparse is declared in the layout, once and for all who open it", async () => {
    await using place = newPlace();
    await place.open({ sparse: true });
    assert.equal(JSON.parse(await place.read(".stowage/layout.json") ?? "{}").sparse, true);
    assert.ok(await isSparse((await place.open({ mode: "read" })).store));
  });

  it("sparse for one reader declares nothing", async () => {
    await using place = newPlace();
    await place.open();
    const before = await place.snapshot();
    assert.ok((await place.open({ mode: "read", sparse: true })).store.sparse);
    assert.deepEqual(await place.snapshot(), before);
  });

  it("what is odd is told as it is found, and kept", async () => {
    await using place = newPlace();
    await place.write("oci-layout", MARKER);
    await place.write("index.json", listing(null));
    const told: string[] = [];
    const layout = await place.open({
      mode: "read",
      onNotice: ({ message }) => told.push(message),
    });
    assert.deepEqual(told, [
      "Entry 1 of the index is no descriptor: such are kept, never resolved",
    ]);
    assert.deepEqual(layout.notices.map(({ message }) => message), told);
  });

  it("opening reads two small documents and no blob, whatever the size", async () => {
    await using place = newPlace();
    const writer = await place.open();
    for (let n = 0; n < 5; n++) await writer.tag(await pushImage(writer, `${n}`), `v${n}`);
    const backend = await place.backend();
    const asked: string[] = [];
    const ask = (name: string) => () => assert.fail(`blobs.${name} was asked`);
    const blobs = Object.fromEntries(
      Object.keys(backend.blobs).map((name) => [name, ask(name)]),
    ) as unknown as Blobs;
    const docs = {
      ...backend.docs,
      load: (name: string) => (asked.push(name), backend.docs.load(name)),
    };
    await openLayout({ ...backend, blobs, docs });
    assert.deepEqual(asked, ["index.json", "oci-layout"]);
  });

  it("what cannot be read is unavailable, never missing, and nothing is made in its place", async () => {
    await using place = newPlace();
    await place.open();
    const backend = await place.backend();
    for (const name of ["oci-layout", "index.json"]) {
      for (const mode of ["read", "write", "create"] as const) {
        const docs = {
          ...backend.docs,
          load: (asked: string) =>
            asked === name
              ? Promise.reject(new OciError("unavailable", "Cannot read: timed out"))
              : backend.docs.load(asked),
          swap: () => assert.fail("something was written"),
        };
        await fails(openLayout({ ...backend, docs }, { mode }), "unavailable");
      }
    }
  });

  it("a backend that was handed in stays open after a failure, and is the caller's to close", async () => {
    let closed = 0;
    await using place = makePlace(kind);
    const backend = {
      ...await place.backend(),
      [Symbol.asyncDispose]: () => Promise.resolve(void closed++),
    };
    await fails(openLayout(backend), "not_found");
    assert.equal(closed, 0);
  });
});

describe("opening a directory", () => {
  const scratch = () => {
    const path = mkdtempSync(join(tmpdir(), "stowage-"));
    return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
  };

  it("a layout that is made has a folder for blobs", async () => {
    await using place = makePlace("dir");
    await place.open();
    assert.ok(Object.keys(await place.snapshot()).some((path) => path.endsWith("/blobs")));
  });

  for (
    const [what, make] of Object.entries({
      "a file in place of the layout": (path: string) => writeFileSync(path, "x"),
      "a folder in place of the index": (path: string) =>
        mkdirSync(join(path, "index.json"), { recursive: true }),
      "a folder in place of the marker": (path: string) =>
        mkdirSync(join(path, "oci-layout"), { recursive: true }),
    })
  ) {
    it(`${what} is invalid`, async () => {
      using folder = scratch();
      const path = join(folder.path, "layout");
      make(path);
      for (const mode of ["read", "write", "create"] as const) {
        await fails(openLayout(path, { registry, mode, clock: hastyClock() }), "invalid");
      }
    });
  }

  it("an index that is not UTF-8 is corrupt, and left alone", async () => {
    await using place = makePlace("dir");
    await place.write("oci-layout", MARKER);
    await place.write("index.json", EMPTY);
    writeFileSync(join(place.url.pathname, "index.json"), Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d));
    for (const mode of ["read", "write", "create"] as const) {
      await fails(place.open({ mode, clock: hastyClock() }), "corrupt", /UTF-8/);
    }
  });

  it(
    "an index without permission is unavailable, never a new one",
    unless(process.getuid?.() === 0 && "root may read everything"),
    async () => {
      await using place = makePlace("dir");
      await place.open();
      chmodSync(join(place.url.pathname, "index.json"), 0);
      for (const mode of ["read", "write", "create"] as const) {
        await fails(place.open({ mode }), "unavailable");
      }
    },
  );

  it("a place that names a reference too, or has no backend, is refused", async () => {
    await fails(openLayout("./layout:v1", { registry }), "invalid", /it names a reference too$/);
    await fails(openLayout("./layout"), "unsupported");
    await fails(
      openLayout(new URL("ftp://example/x"), { registry }),
      "unsupported",
      /known schemes are dir, mem, s3, tar$/,
    );
  });
});
