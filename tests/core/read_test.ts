import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Descriptor, type Digest, digestOf, type Layout, openLayout } from "../../core/mod.ts";
import { embeddedData } from "../../core/read.ts";
import { blobOf as infoOf, bytesOf, noise, put } from "../contract/suite.ts";
import { fails } from "../fails.ts";
import { broken, withBlobs } from "../faults.ts";
import { blobOf, imageOf, pushAll, utf8 } from "../images.ts";
import { everyLayout, type Place } from "../layouts.ts";

const bytes = noise(2_500_000);
const { digest, size } = infoOf(bytes);
const known: Descriptor = { mediaType: "application/x", digest, size };
const absent = digestOf("not stored");
const base64 = (data: Uint8Array) => btoa(String.fromCharCode(...data));

/** A layout that holds `bytes`. */
async function filled(there: Place): Promise<Layout> {
  const layout = await there.open();
  await layout.push(known, bytes);
  return layout;
}

/** What is delivered before a stream ends or fails, and the failure. */
async function drained(stream: ReadableStream<Uint8Array>) {
  let length = 0;
  try {
    for await (const chunk of stream) length += chunk.length;
    return { length };
  } catch (error) {
    return { length, error };
  }
}

everyLayout("fetching", (place) => {
  it("gives the bytes of a digest, a descriptor, a name", async () => {
    await using there = place();
    const layout = await filled(there);
    await layout.tag(known, "big");
    for (const target of [digest, known, "big"]) {
      assert.deepEqual(await bytesOf(await layout.fetch(target)), bytes);
    }
    assert.deepEqual(await bytesOf(await layout.fetch(known, { verify: false })), bytes);
  });

  it("what is missing is not_found at the call, with digest and place", async () => {
    await using there = place();
    const layout = await there.open();
    const target = { ...known, digest: absent };
    const reads = [
      () => layout.fetch(target),
      () => layout.fetchAll(target),
      () => layout.readerAt(target),
      () => layout.fetch(target, { range: { start: 1 } }),
    ];
    for (const read of reads) {
      const error = await fails(read(), "not_found");
      assert.deepEqual([error.digest, error.url], [absent, there.url.href]);
    }
    await fails(layout.fetch(absent), "not_found");
    await fails(layout.fetch("no-such-name"), "not_found");
  });

  it("bytes that are damaged come without their last chunk, and then as corrupt", async () => {
    await using there = place();
    const layout = await there.open();
    await put(await there.backend(), noise(size, 2), digest);
    for (const target of [known, { mediaType: "x/y", digest } as Descriptor]) {
      const { length, error } = await drained(await layout.fetch(target));
      assert.ok(length < size, `${length} bytes were delivered`);
      const corrupt = await fails(Promise.reject(error), "corrupt");
      assert.deepEqual([corrupt.digest, corrupt.url], [digest, there.url.href]);
    }
    await fails(layout.fetchAll(known, { limit: size }), "corrupt");
    assert.deepEqual(await bytesOf(await layout.fetch(known, { verify: false })), noise(size, 2));
  });

  it("a size other than the descriptor's is corrupt before the first byte", async () => {
    await using there = place();
    const layout = await filled(there);
    for (const wrong of [size - 1, size + 1, 0]) {
      await fails(layout.fetch({ ...known, size: wrong }), "corrupt");
      await fails(layout.fetchAll({ ...known, size: wrong }), "corrupt");
    }
  });

  it("a store that tells the wrong size is found out while it is read", async () => {
    await using there = place();
    await filled(there);
    for (const wrong of [size - 1, size + 1]) {
      const lying = withBlobs(await there.backend(), () => ({
        stat: (digest) => Promise.resolve({ digest, size: wrong }),
      }));
      const layout = await openLayout(lying);
      const { length, error } = await drained(await layout.fetch({ ...known, size: wrong }));
      assert.ok(length < size);
      await fails(Promise.reject(error), "corrupt");
    }
  });

  it("a range is what there is of it, and not verified", async () => {
    await using there = place();
    const layout = await filled(there);
    const ranges = [
      {},
      { start: 5 },
      { end: 5 },
      { start: 1_000_000, end: 1_000_001 },
      {
        start: size - 2,
        end: size + 10,
      },
      { start: size },
      { start: size + 5, end: size + 6 },
    ];
    for (const range of ranges) {
      const { start = 0, end = size } = range;
      assert.deepEqual(
        await bytesOf(await layout.fetch(known, { range })),
        bytes.slice(start, end),
        JSON.stringify(range),
      );
    }
  });

  it("cancelling gives the file back, read or not", async () => {
    await using there = place();
    await filled(there);
    let open = 0;
    const backend = await there.backend();
    const layout = await openLayout(withBlobs(backend, ({ read }) => ({
      async read(digest, range) {
        const reader = (await read(digest, range)).getReader();
        open++;
        return new ReadableStream({
          async pull(controller) {
            const { done, value } = await reader.read();
            if (!done) return controller.enqueue(value);
            open--;
            controller.close();
          },
          async cancel() {
            open--;
            await reader.cancel();
          },
        }, { highWaterMark: 0 });
      },
    })));
    for (const options of [{}, { verify: false }, { range: { start: 3 } }]) {
      await (await layout.fetch(known, options)).cancel();
      const reader = (await layout.fetch(known, options)).getReader();
      await reader.read();
      await reader.cancel();
      await bytesOf(await layout.fetch(known, options));
      assert.equal(open, 0);
    }
    await fails(layout.fetchAll(known, { limit: 1000 }), "size_exceeded");
    assert.equal(open, 0);
  });

  it("a blob that vanishes between two looks is not_found, a store that fails is itself", async () => {
    await using there = place();
    await filled(there);
    const backend = await there.backend();
    const vanishing = await openLayout(withBlobs(backend, ({ stat, delete: remove, read }) => ({
      async read(digest) {
        const seen = await stat(digest);
        if (seen) await remove([seen]);
        return await read(digest);
      },
    })));
    await fails(vanishing.fetch(known), "not_found");
    const failing = await openLayout(withBlobs(backend, () => ({
      read: () => Promise.resolve(new ReadableStream({ pull: (c) => c.error(broken()) })),
    })));
    const { error } = await drained(await failing.fetch({ ...known, digest: absent }));
    await fails(Promise.reject(error), "unavailable");
  });

  it("a signal ends a stream, even one that has stalled", async () => {
    await using there = place();
    await filled(there);
    const stop = new AbortController();
    const backend = withBlobs(await there.backend(), () => ({
      read: () => Promise.resolve(new ReadableStream({ pull: () => new Promise(() => {}) })),
    }));
    const layout = await openLayout(backend, { signal: stop.signal });
    const streams = [await layout.fetch(known), await layout.fetch(known, { range: { start: 1 } })];
    const reads = streams.map((stream) => stream.getReader().read());
    setTimeout(() => stop.abort(), 5);
    await Promise.all(reads.map((read) => fails(read, "aborted")));
    await fails(layout.fetch(known), "aborted");
  });

  it("an algorithm that is only kept is unsupported, unless nothing is to be verified", async () => {
    await using there = place();
    const layout = await there.open();
    const kept: Digest = `blake3:${"0".repeat(64)}`;
    await put(await there.backend(), utf8("kept"), kept);
    const target = { ...known, digest: kept, size: 4 };
    await fails(layout.fetch(target), "unsupported");
    await fails(layout.fetchAll(target), "unsupported");
    await fails(layout.fetchAll({ ...target, data: base64(utf8("kept")) }), "unsupported");
    assert.deepEqual(await bytesOf(await layout.fetch(target, { verify: false })), utf8("kept"));
    await using reader = await layout.readerAt(kept);
    assert.deepEqual(await reader.read(1, 2), utf8("ep"));
  });

  it("what is no digest is invalid_digest everywhere", async () => {
    await using there = place();
    const layout = await there.open();
    for (
      const text of ["sha256:00", `sha1:${"0".repeat(40)}`, "x", `sha256:${"A".repeat(64)}`, ""]
    ) {
      const bad = { ...known, digest: text as Digest, data: "" };
      await fails(layout.fetch(bad), "invalid_digest");
      await fails(layout.fetchAll(bad), "invalid_digest");
      await fails(layout.readerAt(bad), "invalid_digest");
      await fails(layout.exists(text as Digest), "invalid_digest");
      await fails(layout.info(text as Digest), "invalid_digest");
      await fails(layout.update(text as Digest, {}), "invalid_digest");
      await fails(layout.delete(text as Digest), "invalid_digest");
      await fails(layout.predecessors(text as Digest), "invalid_digest");
      await fails(layout.referrers(text as Digest), "invalid_digest");
      await fails(layout.tag(bad, "v1"), "invalid_digest");
    }
  });
});

everyLayout("fetching all", (place) => {
  it("more than the limit is size_exceeded; 4 MiB unless told otherwise", async () => {
    await using there = place();
    const layout = await there.open();
    const big = await layout.push({}, new Uint8Array((4 << 20) + 1));
    await fails(layout.fetchAll(big.descriptor), "size_exceeded");
    assert.equal((await layout.fetchAll(big.descriptor, { limit: 5 << 20 })).length, (4 << 20) + 1);
    const four = await layout.push({}, new Uint8Array(4 << 20));
    assert.equal((await layout.fetchAll(four.descriptor)).length, 4 << 20);
    await fails(layout.fetchAll(four.descriptor, { limit: 10 }), "size_exceeded");
  });

  it("embedded data is the answer if it is right, else the store is asked", async () => {
    await using there = place();
    const layout = await there.open();
    const { descriptor, bytes } = blobOf("embedded");
    const data = base64(bytes);
    assert.deepEqual(await layout.fetchAll({ ...descriptor, data }), new Uint8Array(bytes));
    const wrong = [base64(utf8("embeddex")), base64(utf8("embedde")), "!", ""];
    for (const data of wrong) await fails(layout.fetchAll({ ...descriptor, data }), "not_found");
    await fails(layout.fetchAll({ ...descriptor, data, size: 3 }), "not_found");
    await pushAll(layout, { descriptor, bytes });
    for (const data of wrong) {
      assert.deepEqual(await layout.fetchAll({ ...descriptor, data }), new Uint8Array(bytes));
    }
  });
});

everyLayout("reading at offsets", (place) => {
  const text = utf8("foobar");

  it("gives what there is: short at the end, empty past it", async () => {
    await using there = place();
    const layout = await there.open();
    const { descriptor } = await layout.push({}, text);
    await using reader = await layout.readerAt(descriptor);
    assert.equal(reader.size, 6);
    assert.deepEqual(await reader.read(0, 7), text);
    assert.deepEqual(await reader.read(2, 3), text.slice(2, 5));
    assert.deepEqual(await reader.read(5, 10), text.slice(5));
    for (const [offset, length] of [[6, 1], [100, 1], [0, 0], [3, 0]] as const) {
      assert.equal((await reader.read(offset, length)).length, 0);
    }
    assert.deepEqual(await reader.read(1, Number.MAX_SAFE_INTEGER), text.slice(1));
  });

  it("nonsense, and reading after close, is invalid; closing twice is fine", async () => {
    await using there = place();
    const layout = await there.open();
    const { descriptor } = await layout.push({}, text);
    const reader = await layout.readerAt(descriptor);
    for (const [offset, length] of [[-1, 1], [0, -1], [0.5, 1], [0, Number.NaN]] as const) {
      await fails(reader.read(offset, length), "invalid");
    }
    await reader[Symbol.asyncDispose]();
    await reader[Symbol.asyncDispose]();
    await fails(reader.read(0, 1), "invalid");
  });

  it("after a deletion it reads on, or says not_found", async () => {
    await using there = place();
    const layout = await there.open();
    const { descriptor } = await layout.push({}, text);
    await using reader = await layout.readerAt(descriptor);
    await layout.delete(descriptor.digest);
    try {
      assert.deepEqual(await reader.read(0, 6), text);
    } catch (error) {
      await fails(Promise.reject(error), "not_found");
    }
  });

  it("its bytes are a source for another layout", async () => {
    await using there = place();
    await using other = place();
    await using reader = await (await filled(there)).readerAt(digest);
    const copy = await other.open();
    await copy.push(known, reader);
    assert.deepEqual(await bytesOf(await copy.fetch(known)), bytes);
  });
});

describe("embedded data", () => {
  it("of megabytes is read as well", () => {
    const long = noise(1_000_000);
    const data = btoa(Array.from(long, (byte) => String.fromCharCode(byte)).join(""));
    assert.deepEqual(embeddedData({ ...infoOf(long), data }), long);
  });
});

everyLayout("children", (place) => {
  it("are config and layers in order; a leaf, or what is unknown, has none", async () => {
    await using there = place();
    const layout = await there.open();
    const image = imageOf("one");
    await pushAll(layout, image.config, image.layer, image);
    assert.deepEqual(await layout.children(image.descriptor.digest), [
      image.config.descriptor,
      image.layer.descriptor,
    ]);
    assert.deepEqual(await layout.children(image.layer.descriptor), []);
    assert.deepEqual(await layout.children(absent), []);
    assert.deepEqual(await layout.children({ ...image.descriptor, digest: absent }), []);
  });
});
