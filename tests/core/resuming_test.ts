import assert from "node:assert/strict";
import { it } from "node:test";
import {
  type Backend,
  digestOf,
  type Layout,
  OciError,
  openLayout,
  type Source,
} from "../../core/mod.ts";
import { blobOf as infoOf, noise } from "../contract/suite.ts";
import { fails } from "../fails.ts";
import { broken, contentsOf, failingAfter, madeUp, withIngests } from "../faults.ts";
import { utf8 } from "../images.ts";
import { everyLayout } from "../layouts.ts";

const bytes = noise(256);
const { digest, size } = infoOf(bytes);
const ref = "upload/1";

/** A layout over a store that was tampered with. */
const over = (backend: Backend) => openLayout(backend, { mode: "create" });

/** Writes, and leaves the write where it is. */
async function leave(layout: Layout, ref: string, ...chunks: Uint8Array[]): Promise<void> {
  await using writer = await layout.openWriter({ ref });
  for (const chunk of chunks) await writer.write(chunk);
}

everyLayout("resuming", (place) => {
  it("goes on at the offset, in another opening, with the prefix hashed again", async () => {
    await using there = place();
    await leave(await there.open(), ref, bytes.subarray(0, 100));
    await using writer = await (await there.open()).openWriter({ ref });
    assert.equal(writer.status.offset, 100);
    assert.equal(writer.digest(), digestOf(bytes.subarray(0, 100)));
    await writer.write(bytes.subarray(100));
    assert.equal((await writer.commit({ digest, size })).digest, digest);
  });

  it("another total or digest makes a fresh write: offset 0, none of the old bytes", async () => {
    await using there = place();
    const layout = await there.open();
    for (const other of [{ total: 10 }, { expect: { digest: digestOf("other") } }]) {
      {
        await using writer = await layout.openWriter({ ref, total: size, expect: { digest } });
        await writer.write(bytes.subarray(0, 100));
      }
      await using writer = await layout.openWriter({ ref, ...other });
      assert.equal(writer.status.offset, 0);
      assert.equal(writer.digest(), digestOf(""));
      await writer.truncate(0);
      await writer.close();
      await layout.abort(ref);
    }
  });

  const sources: Readonly<Record<string, () => Source>> = {
    "an array": () => utf8("foobar"),
    "a Blob": () => new Blob(["foobar"]),
    "a stream that cannot seek": () => new Blob(["foobar"]).stream(),
    "an iteration in odd chunks": async function* () {
      for (const part of ["f", "ooba", "r"]) yield utf8(part);
    },
    "what can be read at an offset": () => ({
      read: (offset, length) => Promise.resolve(utf8("foobar").subarray(offset, offset + length)),
    }),
    "what can be opened at an offset": () => ({
      open: (offset) => Promise.resolve(new Blob(["foobar"]).slice(offset).stream()),
    }),
  };
  for (const [name, source] of Object.entries(sources)) {
    it(`from ${name} at offset 3 of "foobar" writes "bar"`, async () => {
      await using there = place();
      const written: number[] = [];
      const backend = withIngests(await there.backend(), (ingest) => {
        const writer = ingest.writable.getWriter();
        return {
          writable: new WritableStream({
            write: (chunk) => (written.push(...chunk), writer.write(chunk)),
          }),
        };
      });
      const layout = await over(backend);
      await leave(layout, ref, utf8("foo"));
      written.length = 0;
      const done = await layout.writeBlob(ref, source(), { size: 6, digest: digestOf("foobar") });
      assert.equal(new TextDecoder().decode(new Uint8Array(written)), "bar");
      assert.deepEqual([done.digest, done.resumed, done.existed], [digestOf("foobar"), 3, false]);
    });
  }

  it("a source that ends early is corrupt, its bytes kept for the next", async () => {
    await using there = place();
    const layout = await there.open();
    await fails(layout.writeBlob(ref, bytes.subarray(0, 100), { size, digest }), "corrupt");
    assert.equal((await layout.status(ref)).offset, 100);
    assert.deepEqual((await contentsOf(await there.backend())).blobs, []);
    assert.equal((await layout.writeBlob(ref, bytes, { size, digest })).resumed, 100);
  });

  it("a source that throws, or a signal, keeps what was written", async () => {
    await using there = place();
    const stop = new AbortController();
    const layout = await there.open({ signal: stop.signal });
    const cut = new Error("cut");
    async function* failing() {
      yield bytes.subarray(0, 100);
      throw cut;
    }
    await assert.rejects(layout.writeBlob(ref, failing(), { size }), (error) => error === cut);
    async function* stalling() {
      yield bytes.subarray(0, 150);
      setTimeout(() => stop.abort(), 1);
      yield await new Promise<never>(() => {});
    }
    await fails(layout.writeBlob(ref, stalling(), { size }), "aborted");
    const next = await there.open();
    assert.equal((await next.status(ref)).offset, 150);
    assert.equal((await next.writeBlob(ref, bytes, { size })).digest, digest);
  });

  it("a source that is longer is size_exceeded", async () => {
    await using there = place();
    const layout = await there.open();
    const { stream, seen } = madeUp(1 << 30);
    await fails(layout.writeBlob(ref, stream, { size: 200_000 }), "size_exceeded");
    assert.ok(seen.cancelled && seen.made < 400_000);
  });

  it("of a present digest the source is given back unread, whatever else goes wrong too", async () => {
    await using there = place();
    const layout = await there.open();
    await layout.push({}, bytes);
    const source = madeUp(size);
    const { existed, resumed } = await layout.writeBlob(ref, source.stream, { digest });
    assert.deepEqual([existed, resumed], [true, 0]);
    const refused = madeUp(size);
    await fails(layout.writeBlob("", refused.stream), "invalid");
    await using _ = await layout.openWriter({ ref });
    const locked = madeUp(size);
    await fails(layout.writeBlob(ref, locked.stream), "locked");
    for (const { seen } of [source, refused, locked]) {
      assert.deepEqual(seen, { made: 0, cancelled: true });
    }
  });

  it("a commit that was unavailable succeeds later, no byte sent twice", async () => {
    await using there = place();
    let fail = true;
    let sent = 0;
    const backend = withIngests(await there.backend(), (ingest) => {
      const writer = ingest.writable.getWriter();
      return {
        commit: (blob) => fail ? Promise.reject(broken()) : ingest.commit(blob),
        writable: new WritableStream({
          write: (chunk) => (sent += chunk.length, writer.write(chunk)),
        }),
      };
    });
    const layout = await over(backend);
    await fails(layout.writeBlob(ref, bytes, { digest, size }), "unavailable");
    assert.deepEqual((await contentsOf(backend)).blobs, []);
    fail = false;
    assert.equal((await layout.writeBlob(ref, bytes, { digest, size })).resumed, size);
    assert.equal(sent, size);
  });

  it("a disk that fails under a write closes it; what was stored is gone on with", async () => {
    await using there = place();
    let full = true;
    const backend = withIngests(
      await there.backend(),
      (ingest) => full ? { writable: failingAfter(ingest, 150, broken("the disk is full")) } : {},
    );
    const layout = await over(backend);
    const writer = await layout.openWriter({ ref });
    await writer.write(bytes.subarray(0, 100));
    await fails(writer.write(bytes.subarray(100)), "unavailable");
    await fails(writer.commit(), "invalid");
    full = false;
    assert.equal((await layout.writeBlob(ref, bytes, { digest })).resumed, 100);
  });

  it("bytes that are complete and yet wrong are corrupt once, not for ever", async () => {
    await using there = place();
    const layout = await there.open();
    for (const expect of [{ digest, size }, { digest }]) {
      {
        await using writer = await layout.openWriter({ ref, expect });
        await writer.write(noise(100, 2));
      }
      await fails(layout.writeBlob(ref, bytes, expect), "corrupt");
      if (!("size" in expect)) await fails(layout.writeBlob(ref, bytes, expect), "corrupt");
      assert.equal((await layout.writeBlob(ref, bytes, expect)).digest, digest);
      await layout.delete(digest);
    }
  });

  it("stored bytes that are too few or cannot be read start over at 0, with a notice", async () => {
    await using there = place();
    const few = () => Promise.resolve(new Blob([bytes.slice(0, 50)]).stream());
    const damages: readonly (() => Promise<ReadableStream<Uint8Array>>)[] = [
      few,
      () => Promise.reject(new OciError("corrupt", "Cannot read the write: it is torn")),
      () => Promise.resolve(new ReadableStream({ pull: (c) => c.error(new Error("torn")) })),
    ];
    for (const damage of damages) {
      let damaged = false;
      const backend = withIngests(
        await there.backend(),
        () => damaged ? { stored: () => (damaged = false, damage()) } : {},
      );
      const layout = await over(backend);
      await leave(layout, ref, bytes.subarray(0, 100));
      damaged = true;
      await using writer = await layout.openWriter({ ref, expect: { digest } });
      assert.equal(writer.status.offset, 0);
      assert.equal(writer.status.expected, digest);
      assert.deepEqual(layout.notices.map(({ code }) => code), ["ingest_damaged"]);
      await writer.write(bytes);
      await writer.commit();
      await layout.delete(digest);
    }
  });

  it("stored bytes that cannot be had just now stay as they are, and the ref is free", async () => {
    await using there = place();
    let gone = false;
    const backend = withIngests(
      await there.backend(),
      () => gone ? { stored: () => Promise.reject(broken()) } : {},
    );
    const layout = await over(backend);
    await leave(layout, ref, bytes.subarray(0, 100));
    gone = true;
    await fails(layout.openWriter({ ref }), "unavailable");
    gone = false;
    await using writer = await layout.openWriter({ ref });
    assert.equal(writer.status.offset, 100);
  });
});
