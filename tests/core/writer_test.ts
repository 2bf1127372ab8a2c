import assert from "node:assert/strict";
import { it } from "node:test";
import {
  type Backend,
  type Digest,
  digestOf,
  type Layout,
  type Lease,
  OciError,
  openLayout,
  type Source,
} from "../../core/mod.ts";
import { blobOf as infoOf, moment, noise } from "../contract/suite.ts";
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

everyLayout("a named write", (place) => {
  for (const expect of [{}, { size }, { digest }, { size, digest }]) {
    it(`expecting ${Object.keys(expect).join(" and ") || "nothing"}, is published with size, times and labels`, async () => {
      await using there = place();
      const layout = await there.open();
      const before = Date.now() - 1;
      await using writer = await layout.openWriter({ ref, expect });
      await writer.write(bytes);
      const { existed, ...info } = await writer.commit({ labels: { a: "b" } });
      assert.equal(existed, false);
      assert.deepEqual([info.digest, info.size, info.labels], [digest, size, { a: "b" }]);
      assert.ok(+info.createdAt >= before && +info.createdAt <= Date.now() + 1);
      assert.deepEqual(await layout.info(digest), info);
      await fails(layout.status(ref), "not_found");
    });
  }

  it("of 32 MiB in many chunks has the right digest", async () => {
    await using there = place();
    const layout = await there.open();
    const { stream } = madeUp(32 << 20, 1 << 20);
    const { digest, size } = await layout.writeBlob(ref, stream);
    assert.equal(size, 32 << 20);
    await (await layout.fetch({ mediaType: "x/y", digest, size })).pipeTo(new WritableStream());
  });

  it("is of sha512 if that is expected, asked for, or committed", async () => {
    await using there = place();
    const layout = await there.open();
    const digest = digestOf(bytes, "sha512");
    const ways = [
      [{ expect: { digest } }, {}],
      [{ algorithm: "sha512" }, {}],
      [{}, { digest }],
      [{ expect: { digest: digestOf(bytes) } }, { digest }],
    ] as const;
    for (const [options, commit] of ways) {
      await using writer = await layout.openWriter({ ref, ...options });
      await writer.write(bytes);
      assert.equal((await writer.commit(commit)).digest, digest);
      await layout.delete(digest);
    }
  });

  it("tells the digest of the bytes so far, of none at the start", async () => {
    await using there = place();
    await using writer = await (await there.open()).openWriter({ ref });
    assert.equal(writer.digest(), digestOf(""));
    await writer.write(bytes.subarray(0, 100));
    assert.equal(writer.digest(), digestOf(bytes.subarray(0, 100)));
    await writer.write(bytes.subarray(100));
    assert.equal(writer.digest(), digest);
  });

  it("has a ref of 1 to 512 bytes", async () => {
    await using there = place();
    const layout = await there.open();
    for (const ref of ["", "x".repeat(513), "ü".repeat(257)]) {
      await fails(layout.openWriter({ ref }), "invalid");
    }
    for (const ref of ["x", "ü".repeat(256), "../a b\\c\n?"]) {
      await using writer = await layout.openWriter({ ref });
      assert.equal(writer.status.ref, ref);
    }
  });

  it("of nonsense is refused before anything is opened", async () => {
    await using there = place();
    const layout = await there.open();
    await fails(layout.openWriter({ ref, expect: { size: -1 } }), "invalid");
    await fails(layout.openWriter({ ref, total: 0.5 }), "invalid");
    await fails(layout.openWriter({ ref, total: 5, expect: { size: 6 } }), "invalid");
    await fails(layout.openWriter({ ref, expect: { digest: "x:y" as Digest } }), "invalid_digest");
    const kept: Digest = `blake3:${"0".repeat(64)}`;
    await fails(layout.openWriter({ ref, expect: { digest: kept } }), "unsupported");
    assert.deepEqual(await layout.statuses(), []);
  });

  it("is one writer's: another gets locked, told by whom, or waits; after close it opens", async () => {
    await using there = place();
    const layout = await there.open();
    const other = await there.open();
    await using writer = await layout.openWriter({ ref });
    await fails(layout.openWriter({ ref }), "locked", /upload\/1.*held by .*process \d+/);
    await fails(other.openWriter({ ref }), "locked");
    const waiting = other.openWriter({ ref, wait: 5000 });
    await writer.write(bytes);
    await writer.close();
    await using second = await waiting;
    assert.equal(second.status.offset, size);
    await using elsewhere = await layout.openWriter({ ref: "another" });
    assert.equal(elsewhere.status.offset, 0);
  });

  it("of what is stored is already_exists, before anything is opened", async () => {
    await using there = place();
    const layout = await there.open();
    await layout.push({}, bytes);
    for (const expect of [{ digest }, { digest, size }]) {
      await fails(layout.openWriter({ ref, expect }), "already_exists");
    }
    assert.deepEqual(await layout.statuses(), []);
    await using writer = await layout.openWriter({ ref });
    assert.equal(writer.status.offset, 0);
  });

  it("of what another has stored meanwhile is already_exists after the wait", async () => {
    await using there = place();
    const layout = await there.open();
    await using writer = await layout.openWriter({ ref, expect: { digest } });
    const waiting = fails(
      layout.openWriter({ ref, expect: { digest }, wait: 5000 }),
      "already_exists",
    );
    await writer.write(bytes);
    await writer.commit();
    await waiting;
    assert.deepEqual(await layout.statuses(), []);
  });

  it("of content that is present is a success, existed, and its ref free", async () => {
    await using there = place();
    const layout = await there.open();
    await layout.push({}, bytes);
    await layout.update(digest, { kept: "1" });
    for (const commit of [{}, { digest }, { digest, size, labels: { more: "2" } }]) {
      await using writer = await layout.openWriter({ ref });
      await writer.write(bytes);
      assert.equal((await writer.commit(commit)).existed, true);
      assert.deepEqual(await layout.statuses(), []);
    }
    assert.deepEqual((await layout.info(digest)).labels, { kept: "1", more: "2" });
  });

  it("that was committed starts afresh under the same ref", async () => {
    await using there = place();
    const layout = await there.open();
    await layout.writeBlob(ref, bytes);
    await using writer = await layout.openWriter({ ref });
    assert.equal(writer.status.offset, 0);
    assert.ok(Date.now() - +writer.status.startedAt < 60_000);
  });

  it("that was closed is invalid to go on with, and closing it again is fine", async () => {
    await using there = place();
    const layout = await there.open();
    const writer = await layout.openWriter({ ref });
    await writer.write(bytes);
    await writer.close();
    await writer.close();
    await using other = await layout.openWriter({ ref });
    await fails(writer.write(bytes), "invalid");
    await fails(writer.truncate(0), "invalid");
    await fails(writer.commit(), "invalid");
    await writer.close();
    assert.equal((await other.commit()).digest, digest);
    await fails(other.commit(), "invalid");
  });

  it("with a wrong size or digest publishes nothing, and the right commit after it succeeds", async () => {
    await using there = place();
    const layout = await there.open();
    const other = digestOf("other");
    const wrong = [{ size: 1 }, { digest: other }, { digest, size: 5 }, {
      digest: digestOf("other", "sha512"),
    }];
    for (const commit of wrong) {
      await using writer = await layout.openWriter({ ref });
      if (writer.status.offset === 0) await writer.write(bytes);
      await fails(writer.commit(commit), "corrupt");
      await fails(writer.commit(), "invalid");
      assert.deepEqual((await contentsOf(await there.backend())).blobs, []);
      assert.equal((await layout.status(ref)).offset, size);
    }
    await using writer = await layout.openWriter({ ref });
    assert.equal((await writer.commit({ digest, size })).digest, digest);
  });

  it("must keep what was promised at open as well as what is promised at commit", async () => {
    await using there = place();
    const layout = await there.open();
    await using writer = await layout.openWriter({ ref, expect: { digest: digestOf("other") } });
    await writer.write(bytes);
    await fails(writer.commit({ digest }), "corrupt");
    await using short = await layout.openWriter({ ref: "2", total: 300 });
    await short.write(bytes);
    await fails(short.commit({ size }), "corrupt");
  });

  it("commits no digest that cannot be made here", async () => {
    await using there = place();
    await using writer = await (await there.open()).openWriter({ ref });
    await writer.write(bytes);
    await fails(writer.commit({ digest: `blake3:${"0".repeat(64)}` }), "unsupported");
    await fails(writer.commit({ digest: "sha1:0" as Digest }), "invalid_digest");
    await fails(writer.commit({ labels: { k: "x".repeat(4096) } }), "invalid");
    assert.equal((await writer.commit()).digest, digest);
  });

  it("takes no byte past its total, also of writes at once", async () => {
    await using there = place();
    await using writer = await (await there.open()).openWriter({ ref, total: size });
    await writer.write(bytes.subarray(0, 200));
    await fails(writer.write(bytes.subarray(0, 57)), "size_exceeded");
    assert.equal(writer.status.offset, 200);
    const writes = [
      writer.write(bytes.subarray(200)),
      fails(writer.write(utf8("x")), "size_exceeded"),
    ];
    await Promise.all(writes);
    assert.equal((await writer.commit()).digest, digest);
  });

  it("starts over by truncate(0), same ref and total; another length is invalid", async () => {
    await using there = place();
    const layout = await there.open();
    await leave(layout, ref, utf8("bad data"));
    {
      await using writer = await layout.openWriter({ ref, expect: { digest }, total: size });
      await writer.write(utf8("worse"));
    }
    await using writer = await layout.openWriter({ ref });
    await fails(writer.truncate(5), "invalid");
    await writer.truncate(0);
    const { offset, total, expected } = writer.status;
    assert.deepEqual([offset, total, expected], [0, size, digest]);
    assert.equal(writer.digest(), digestOf(""));
    await fails(layout.openWriter({ ref }), "locked");
    await writer.write(bytes);
    assert.equal((await writer.commit()).digest, digest);
  });

  it("reads and writes nothing in a layout opened to read", async () => {
    await using there = place();
    await leave(await there.open(), ref, bytes);
    const layout = await there.open({ mode: "read" });
    await fails(layout.openWriter({ ref }), "read_only");
    await fails(layout.writeBlob(ref, bytes), "read_only");
    await fails(layout.abort(ref), "read_only");
    assert.equal((await layout.status(ref)).offset, size);
  });

  it("ends with the signal of its layout, its bytes kept", async () => {
    await using there = place();
    const stop = new AbortController();
    const layout = await there.open({ signal: stop.signal });
    await using writer = await layout.openWriter({ ref });
    await writer.write(bytes);
    stop.abort();
    await fails(writer.write(bytes), "aborted");
    await fails(writer.commit(), "aborted");
    await writer.close();
    assert.equal((await (await there.open()).status(ref)).offset, size);
  });
});

everyLayout("statuses", (place) => {
  it("follow a write: offset and updatedAt move, total, expected and startedAt do not", async () => {
    await using there = place();
    const layout = await there.open();
    const other = await there.open({ mode: "read" });
    const seen = [];
    for (const [from, to] of [[0, 0], [0, 64], [64, 192], [192, 256]] as const) {
      await using writer = await layout.openWriter({ ref, expect: { digest }, total: size });
      if (to > from) await writer.write(bytes.subarray(from, to));
      await writer.close();
      seen.push(await other.status(ref));
      await moment(15);
    }
    assert.deepEqual(seen.map(({ offset }) => offset), [0, 64, 192, 256]);
    for (const { ref: own, total, expected, startedAt } of seen) {
      assert.deepEqual([own, total, expected, +startedAt], [
        ref,
        size,
        digest,
        +(seen[0]?.startedAt ?? 0),
      ]);
    }
    for (const [at, { updatedAt }] of seen.entries()) {
      if (at > 0) assert.ok(+updatedAt > +(seen[at - 1]?.updatedAt ?? 0), `status ${at}`);
    }
  });

  it("are filtered by ref, and end with the write", async () => {
    await using there = place();
    const layout = await there.open();
    assert.deepEqual(await layout.statuses(), []);
    for (const ref of ["upload/1", "upload/2", "x"]) await leave(layout, ref, utf8(ref));
    const refs = async (...filters: string[]) =>
      (await layout.statuses(...filters)).map(({ ref }) => ref).sort();
    assert.deepEqual(await refs(), ["upload/1", "upload/2", "x"]);
    assert.deepEqual(await refs("ref==x"), ["x"]);
    assert.deepEqual(await refs("ref~=^up"), ["upload/1", "upload/2"]);
    assert.deepEqual(await refs("ref==x", "ref~=2$"), ["upload/2", "x"]);
    assert.deepEqual(await refs("ref!=x,ref~=1"), ["upload/1"]);
    assert.deepEqual(await refs("offset"), []);
    await fails(layout.statuses("ref=="), "invalid");
    await (await layout.openWriter({ ref: "x" })).commit();
    await layout.abort("upload/1");
    assert.deepEqual(await refs(), ["upload/2"]);
  });

  it("of an unknown ref are not_found, and so is its abort", async () => {
    await using there = place();
    const layout = await there.open();
    await fails(layout.status("none"), "not_found");
    await fails(layout.abort("none"), "not_found");
    await fails(layout.abort(""), "not_found");
  });
});

everyLayout("aborting", (place) => {
  it("a closed write removes its bytes; the next writer starts at 0", async () => {
    await using there = place();
    const layout = await there.open();
    await leave(layout, ref, bytes);
    await layout.abort(ref);
    await fails(layout.status(ref), "not_found");
    await using writer = await layout.openWriter({ ref });
    assert.equal(writer.status.offset, 0);
  });

  it("under an open writer: its next write or commit is aborted, nothing is published, the ref free after", async () => {
    await using there = place();
    const layout = await there.open();
    for (const late of ["write", "commit"] as const) {
      const writer = await layout.openWriter({ ref });
      await writer.write(bytes);
      await (await there.open()).abort(ref);
      if (late === "commit") await fails(writer.commit(), "aborted");
      else {
        // What a store gathers is found out by the commit.
        const wrote = await writer.write(bytes).then(() => true, (error) => {
          return fails(Promise.reject(error), "aborted").then(() => false);
        });
        if (wrote) await fails(writer.commit(), "aborted");
      }
      await writer.close();
      assert.deepEqual(await contentsOf(await there.backend()), { blobs: [], drafts: [] });
      await using next = await layout.openWriter({ ref });
      assert.equal(next.status.offset, 0);
      await next.close();
      await layout.abort(ref);
    }
  });
});

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
      yield await new Promise<never>(() => {});
    }
    const writing = layout.writeBlob(ref, stalling(), { size });
    setTimeout(() => stop.abort(), 20);
    await fails(writing, "aborted");
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

everyLayout("a lease that is lost", (place) => {
  it("under a writer is lease_lost: nothing is published, the bytes are kept", async () => {
    await using there = place();
    let lost = false;
    const lease: Lease = {
      signal: new AbortController().signal,
      assertHeld() {
        if (lost) throw new OciError("lease_lost", "Cannot rely on the lock: it was taken over");
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const lock = { acquire: () => Promise.resolve(lease) };
    const layout = await over({ ...await there.backend(), lock });
    const writer = await layout.openWriter({ ref });
    await writer.write(bytes);
    lost = true;
    await fails(writer.write(bytes), "lease_lost");
    await fails(writer.commit(), "lease_lost");
    await writer.close();
    assert.deepEqual((await contentsOf(await there.backend())).blobs, []);
    assert.equal((await layout.status(ref)).offset, size);
  });
});
