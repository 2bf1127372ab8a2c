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
} from "../../core/mod.ts";
import { blobOf as infoOf, noise } from "../contract/suite.ts";
import { fails } from "../fails.ts";
import { contentsOf, madeUp, withIngests } from "../faults.ts";
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

/** A lock whose leases are lost once it is told so. */
function loseable() {
  const state = { lost: false };
  const lease: Lease = {
    signal: new AbortController().signal,
    assertHeld() {
      if (state.lost) {
        throw new OciError("lease_lost", "Cannot rely on the lock: it was taken over");
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { state, lock: { acquire: () => Promise.resolve(lease) } };
}

everyLayout("a lease that is lost", (place) => {
  it("under a writer is lease_lost: nothing is published, the bytes are kept", async () => {
    await using there = place();
    const { state, lock } = loseable();
    const layout = await over({ ...await there.backend(), lock });
    const writer = await layout.openWriter({ ref });
    await writer.write(bytes);
    state.lost = true;
    await fails(writer.write(bytes), "lease_lost");
    await fails(writer.commit(), "lease_lost");
    await writer.close();
    assert.deepEqual((await contentsOf(await there.backend())).blobs, []);
    assert.equal((await layout.status(ref)).offset, size);
  });

  it("while a commit hashes again is lease_lost as well", async () => {
    await using there = place();
    const { state, lock } = loseable();
    const backend = withIngests(await there.backend(), (ingest) => ({
      stored: () => (state.lost = ingest.status.offset > 0, ingest.stored()),
    }));
    const layout = await over({ ...backend, lock });
    await using writer = await layout.openWriter({ ref });
    await writer.write(bytes);
    await fails(writer.commit({ digest: digestOf(bytes, "sha512") }), "lease_lost");
    assert.deepEqual((await contentsOf(backend)).blobs, []);
  });
});
