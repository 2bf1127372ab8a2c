import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import process from "node:process";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import {
  type Descriptor,
  type Digest,
  digestOf,
  type ErrorCode,
  type Expected,
  INDEX_TYPE,
  MANIFEST_TYPE,
  openLayout,
  type Source,
} from "../../core/mod.ts";
import { blobOf as infoOf, bytesOf, noise, put } from "../contract/suite.ts";
import { fails } from "../fails.ts";
import { broken, contentsOf, failingAfter, madeUp, withBlobs, withIngests } from "../faults.ts";
import { blobOf, imageOf, utf8 } from "../images.ts";
import { everyLayout } from "../layouts.ts";
import { unless } from "../skip.ts";

const nothing = { blobs: [], drafts: [] };
const bytes = noise(300_000);
const { digest, size } = infoOf(bytes);
const known: Descriptor = { mediaType: "application/x", digest, size };

async function* pieces(...chunks: Uint8Array[]) {
  yield* chunks;
}

everyLayout("pushing", (place, kind) => {
  it("what was pushed reads back equal, is listed nowhere, and is described in full", async () => {
    await using there = place();
    const layout = await there.open();
    assert.deepEqual(await layout.push(known, bytes), { descriptor: known, existed: false });
    assert.deepEqual(await bytesOf(await layout.fetch(known)), bytes);
    assert.deepEqual(await layout.references({ untagged: true }), []);
  });

  it("of a blob nothing needs to be known before, and what is known is kept", async () => {
    await using there = place();
    const layout = await there.open();
    const unknown = await layout.push({}, pieces(bytes.subarray(0, 7), bytes.subarray(7)));
    assert.deepEqual(unknown.descriptor, { mediaType: "application/octet-stream", digest, size });
    const annotations = { a: "b" };
    const { descriptor } = await layout.push({ mediaType: "x/y", annotations }, new Blob(["hi"]));
    assert.deepEqual(descriptor, { mediaType: "x/y", annotations, ...infoOf(utf8("hi")) });
  });

  for (const algorithm of ["sha256", "sha512"] as const) {
    it(`${algorithm} digests are written and verified`, async () => {
      await using there = place();
      const layout = await there.open();
      const digest = digestOf(bytes, algorithm);
      await layout.push({ digest }, bytes);
      assert.deepEqual(await layout.fetchAll(digest), new Uint8Array(bytes));
      await fails(layout.push({ digest: digestOf("other", algorithm) }, bytes), "corrupt");
    });
  }

  it("a present blob is success: the source is cancelled unread, and the copy counts as adopted now", async () => {
    await using there = place();
    const layout = await there.open();
    await layout.push(known, bytes);
    const before = await (await there.backend()).blobs.stat(digest);
    const { stream, seen } = madeUp(size);
    assert.equal((await layout.push(known, stream)).existed, true);
    assert.deepEqual(seen, { made: 0, cancelled: true });
    const after = await (await there.backend()).blobs.stat(digest);
    assert.notEqual(after?.version, before?.version);
    assert.equal((await layout.push({ digest }, bytes)).existed, true);
    assert.equal((await layout.push({}, bytes)).existed, true);
  });

  it("a copy that was cut short is replaced, with a notice", async () => {
    await using there = place();
    const layout = await there.open();
    for (const expected of [known, {}]) {
      await put(await there.backend(), bytes.slice(0, 1000), digest);
      assert.equal((await layout.push(expected, bytes)).existed, false);
      assert.deepEqual(await layout.fetchAll(digest), new Uint8Array(bytes));
      assert.deepEqual(layout.notices.map(({ code, digest }) => [code, digest]), [[
        "damaged",
        digest,
      ]]);
      layout.notices.length = 0;
    }
  });

  it("64 pushes of one blob at once all succeed; one stores it, the others find it", async () => {
    await using there = place();
    const layout = await there.open();
    const pushes = Array.from({ length: 64 }, () => layout.push(known, new Blob([bytes]).stream()));
    const stored = (await Promise.all(pushes)).filter(({ existed }) => !existed);
    assert.equal(stored.length, 1);
    assert.deepEqual(await layout.fetchAll(digest), new Uint8Array(bytes));
    assert.deepEqual(await contentsOf(await there.backend()), { blobs: [digest], drafts: [] });
  });

  it("a blob of no bytes is a blob", async () => {
    await using there = place();
    const layout = await there.open();
    const { descriptor } = await layout.push({}, new ReadableStream({ start: (c) => c.close() }));
    assert.equal(descriptor.size, 0);
    assert.equal((await layout.fetchAll(descriptor)).length, 0);
    assert.equal((await layout.push({ size: 0 }, utf8(""))).existed, true);
  });

  if (kind === "dir") {
    it(
      "a directory holds it at blobs/<algorithm>/<hex>, neither writable nor executable",
      unless(process.platform === "win32" && "Windows has no such bits"),
      async () => {
        await using there = place();
        await (await there.open()).push({}, bytes);
        const path = fileURLToPath(
          `file://${there.url.pathname}/blobs/${digest.replace(":", "/")}`,
        );
        assert.deepEqual(new Uint8Array(readFileSync(path)), bytes);
        assert.equal(statSync(path).mode & 0o333, 0);
      },
    );
  }

  it("a layout opened to read refuses before it touches anything, and gives the source back", async () => {
    await using there = place();
    await there.open();
    const layout = await there.open({ mode: "read" });
    const { stream, seen } = madeUp(size);
    await fails(layout.push(known, stream), "read_only");
    await fails(layout.pushManifest(imageOf("x").bytes), "read_only");
    assert.deepEqual(seen, { made: 0, cancelled: true });
    assert.deepEqual(await contentsOf(await there.backend()), nothing);
  });
});

const manifest = { mediaType: MANIFEST_TYPE };
const config = blobOf("{}").descriptor;
const zeros = (length: number) => "0".repeat(length);

/** What does not fit. */
const REFUSED: readonly (readonly [string, ErrorCode, Expected, () => Source])[] = [
  ["a source that ends early", "corrupt", known, () => bytes.subarray(1)],
  ["a source that hashes otherwise", "corrupt", known, () => noise(size, 2)],
  ["a source that is longer", "size_exceeded", known, () => pieces(bytes, utf8("x"))],
  ["an absurd but legal size", "corrupt", { size: Number.MAX_SAFE_INTEGER }, () => bytes],
  ["a negative size", "invalid", { size: -1 }, () => bytes],
  ["half a byte", "invalid", { size: 1.5 }, () => bytes],
  ["a size past 2^53", "invalid", { size: 2 ** 53 }, () => bytes],
  ["a size that is no number", "invalid", { size: Number.NaN }, () => bytes],
  ["what is no digest", "invalid_digest", { digest: "invalid-digest" as Digest }, () => bytes],
  ["an unknown algorithm", "invalid_digest", { digest: `sha1:${zeros(40)}` }, () => bytes],
  ["upper-case hex", "invalid_digest", { digest: `sha256:${"A".repeat(64)}` }, () => bytes],
  ["an algorithm only kept", "unsupported", { digest: `blake3:${zeros(64)}` }, () => bytes],
  ["a manifest past 4 MiB", "size_exceeded", manifest, () => madeUp(1 << 30).stream],
  ["one said to be", "size_exceeded", { ...manifest, size: 5 << 20 }, () => utf8("{}")],
  ["a manifest that is no JSON", "invalid", manifest, () => utf8("{")],
  ["a manifest of another shape", "invalid", { mediaType: INDEX_TYPE }, () => imageOf("x").bytes],
  [
    "a manifest of two shapes",
    "invalid",
    { mediaType: INDEX_TYPE },
    () => utf8(JSON.stringify({ manifests: [], layers: [], config })),
  ],
  [
    "a manifest whose config has no digest",
    "invalid",
    manifest,
    () => utf8(JSON.stringify({ config: { ...config, digest: "sha256:00" }, layers: [] })),
  ],
];

everyLayout("pushing in vain", (place) => {
  for (const [what, code, expected, source] of REFUSED) {
    it(`${what} is ${code}, and nothing is left`, async () => {
      await using there = place();
      await fails((await there.open()).push(expected, source()), code);
      assert.deepEqual(await contentsOf(await there.backend()), nothing);
    });
  }

  it("one byte too many ends the reading of a source", async () => {
    await using there = place();
    const { stream, seen } = madeUp(1 << 30, 1000);
    await fails((await there.open()).push({ size: 10_000 }, stream), "size_exceeded");
    assert.ok(seen.cancelled && seen.made <= 12_000, `${seen.made} bytes were read`);
    assert.deepEqual(await contentsOf(await there.backend()), nothing);
  });

  it("what a source throws comes out as it is", async () => {
    await using there = place();
    const layout = await there.open();
    const cut = new Error("cut");
    async function* failing() {
      yield bytes;
      throw cut;
    }
    for (const expected of [{}, known, { mediaType: MANIFEST_TYPE }]) {
      await assert.rejects(layout.push(expected, failing()), (error) => error === cut);
    }
    assert.deepEqual(await contentsOf(await there.backend()), nothing);
  });

  it("a signal ends a push, even of a source that has stalled", async () => {
    await using there = place();
    const stop = new AbortController();
    const layout = await there.open({ signal: stop.signal });
    async function* stalling() {
      yield bytes;
      yield await new Promise<never>(() => {});
    }
    const pushing = layout.push({}, stalling());
    setTimeout(() => stop.abort(), 20);
    await fails(pushing, "aborted");
    await fails(layout.push({}, bytes), "aborted");
    assert.deepEqual(await contentsOf(await there.backend()), nothing);
  });

  it("a disk that is full is unavailable, the source is given back, and the next push succeeds", async () => {
    await using there = place();
    let full = true;
    const backend = withIngests(
      await there.backend(),
      (ingest) =>
        full ? { writable: failingAfter(ingest, 100_000, broken("the disk is full")) } : {},
    );
    const layout = await openLayout(backend, { mode: "create" });
    const { stream, seen } = madeUp(1 << 30);
    await fails(layout.push({}, stream), "unavailable", /disk is full/);
    assert.ok(seen.cancelled && seen.made < 1_000_000);
    assert.deepEqual(await contentsOf(await there.backend()), nothing);
    full = false;
    assert.equal((await layout.push(known, bytes)).existed, false);
  });

  it("a commit that fails leaves nothing, and frees the way for who comes next", async () => {
    await using there = place();
    let fail = 3;
    const backend = withIngests(await there.backend(), (ingest) => ({
      commit: (blob) => fail-- > 0 ? Promise.reject(broken()) : ingest.commit(blob),
    }));
    const layout = await openLayout(backend, { mode: "create" });
    const done = await Promise.allSettled(
      Array.from({ length: 5 }, () => layout.push(known, bytes)),
    );
    assert.equal(done.filter(({ status }) => status === "rejected").length, 3);
    assert.deepEqual(await contentsOf(await there.backend()), { blobs: [digest], drafts: [] });
  });

  it("a blob that others replace or remove while it is adopted is looked at again", async () => {
    await using there = place();
    let conflicts = 3;
    const backend = withBlobs(await there.backend(), ({ renew, stat, delete: remove }) => ({
      async renew(seen) {
        if (conflicts-- > 0) await renew?.(seen);
        else if (conflicts === -1) await remove([(await stat(digest)) ?? seen]);
        assert.ok(renew);
        return await renew(seen);
      },
    }));
    const layout = await openLayout(backend, { mode: "create" });
    await layout.push(known, bytes);
    conflicts = 3;
    const { existed } = await layout.push(known, bytes);
    assert.equal(existed, false);
    assert.deepEqual(await layout.fetchAll(digest), new Uint8Array(bytes));
  });

  it("a blob that others replace without end is a conflict, not a push without end", async () => {
    await using there = place();
    const backend = withBlobs(await there.backend(), ({ renew }) => ({
      renew: async (seen) => await renew?.({ ...seen, version: "another" }) ?? seen,
    }));
    const layout = await openLayout(backend, { mode: "create" });
    await layout.push(known, bytes);
    await fails(layout.push(known, bytes), "conflict");
  });
});

everyLayout("a push and its disk", (place) => {
  it("no more of a source is read than was written, give or take a chunk", async () => {
    await using there = place();
    let written = 0;
    let ahead = 0;
    const { stream, seen } = madeUp(64 << 16);
    const backend = withIngests(await there.backend(), (ingest) => {
      const writer = ingest.writable.getWriter();
      return {
        writable: new WritableStream({
          async write(chunk) {
            await new Promise((resolve) => setTimeout(resolve, 1));
            await writer.write(chunk);
            written += chunk.length;
            ahead = Math.max(ahead, seen.made - written);
          },
        }),
      };
    });
    const layout = await openLayout(backend, { mode: "create" });
    await layout.push({}, stream);
    assert.ok(ahead <= 2 << 16, `${ahead} bytes were read ahead`);
  });
});
