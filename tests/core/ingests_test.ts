import assert from "node:assert/strict";
import { it } from "node:test";
import type { Layout } from "../../core/mod.ts";
import { blobOf as infoOf, moment, noise } from "../contract/suite.ts";
import { fails } from "../fails.ts";
import { contentsOf } from "../faults.ts";
import { utf8 } from "../images.ts";
import { everyLayout } from "../layouts.ts";

const bytes = noise(256);
const { digest, size } = infoOf(bytes);
const ref = "upload/1";

/** Writes, and leaves the write where it is. */
async function leave(layout: Layout, ref: string, ...chunks: Uint8Array[]): Promise<void> {
  await using writer = await layout.openWriter({ ref });
  for (const chunk of chunks) await writer.write(chunk);
}

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
