import assert from "node:assert/strict";
import process from "node:process";
import { after, describe, it } from "node:test";
import { type Backend, digestOf, type Layout, openLayout, systemClock } from "../../../core/mod.ts";
import { collect } from "../../../plugins/gc/collect.ts";
import { makePlan } from "../../../plugins/gc/plan.ts";
import { fails, put, seen, utf8 } from "../../contract/suite.ts";
import {
  danglingIn,
  digestsOf,
  eager,
  listedIn,
  pushNamed,
  storedIn,
} from "../../gc/collecting.ts";
import { contentOf, putVersion } from "../../s3_server/store.ts";
import type { S3Server, StartOptions } from "../../s3_server/server.ts";
import { startBucket } from "./buckets.ts";

const bucket = await startBucket();
const { server } = bucket;
after(() => server[Symbol.asyncDispose]());
const full = process.env["STOWAGE_TEST_S3"] === "all";

/** Times of objects are whole seconds: what was stored must be of one that is over. */
const aged = () => systemClock.sleep(1_100);

async function layoutOf(backend: Backend): Promise<Layout> {
  return await openLayout(backend, { mode: "create" });
}

/** Puts so many blobs of one content there, as nobody asks for their bytes. */
function fill({ store }: S3Server, backend: Backend, count: number): void {
  const bytes = new Uint8Array(65 << 10);
  const object = { content: contentOf([bytes]), etag: "00", headers: {}, checksums: {} };
  const place = store.buckets.get("test") ?? assert.fail();
  for (let n = 0; n < count; n++) {
    const key = digestOf(utf8(`blob ${n}`)).replace(":", "/");
    const old = Date.now() - 10_000;
    putVersion(store, place, `${backend.url.pathname.slice(1)}/blobs/${key}`, object, old, 0);
  }
}

async function within(
  options: StartOptions,
  body: (backend: Backend, server: S3Server) => Promise<void>,
): Promise<void> {
  await using other = await startBucket(options);
  await body(await other.place(), other.server);
}

describe("a collection of a bucket", () => {
  it("takes what nothing reaches, and keeps the rest", async () => {
    const backend = await bucket.place();
    const layout = await layoutOf(backend);
    const kept = await pushNamed(layout, "kept", "main");
    await pushNamed(layout, "dropped", "old");
    await layout.untag("old");
    await aged();
    const { removed, failed } = await collect(layout.store, eager());
    assert.deepEqual([removed.length, failed], [3, []]);
    assert.deepEqual([await storedIn(layout), await danglingIn(layout)], [digestsOf(kept), []]);
    assert.deepEqual(await listedIn(layout), ["main"]);
  });

  it("lists a thousand blobs a request, looks at none, and deletes a thousand at once", async () => {
    const backend = await bucket.place();
    const layout = await layoutOf(backend);
    await pushNamed(layout, "kept", "main");
    const count = full ? 20_000 : 3_000;
    fill(server, backend, count);
    const after = server.journal.entries.length;
    const plan = await makePlan(layout.store, eager());
    assert.equal(plan.candidates.length, count);
    const { ListObjects = 0, GetObject = 0, ...others } = server.journal.tally({ after });
    assert.ok(ListObjects <= Math.ceil(count / 1_000) + 256, `${ListObjects} lists`);
    assert.deepEqual([GetObject, others], [2, {}], "the index and the one manifest");
    const before = server.journal.entries.length;
    const { removed, failed } = await collect(layout.store, eager());
    assert.deepEqual([removed.length, failed], [count, []]);
    const { DeleteObjects = 0, HeadObject = 0 } = server.journal.tally({ after: before });
    // Some ten thousand are claimed together, of which the last thousand need not be full.
    const most = count / 1_000 + Math.floor(count / 10_000);
    assert.ok(DeleteObjects <= most, `${DeleteObjects} deletes`);
    assert.equal(HeadObject, 0);
  });

  it("beside writers is refused where a deadline is not enforced, and goes alone", async () => {
    await within({ switches: { clock: { expiry: "ignored" } } }, async (backend) => {
      const layout = await layoutOf(backend);
      await pushNamed(layout, "dropped", "old");
      await layout.untag("old");
      await aged();
      await fails(collect(layout.store, eager()), "unsupported");
      const { removed } = await collect(layout.store, eager({ exclusive: true }));
      assert.equal(removed.length, 3);
    });
  });

  it("where conditions are ignored cannot begin: the place is not opened for writing", async () => {
    await within({ personality: "lies" }, async (backend, { journal }) => {
      await fails(layoutOf(backend), "unsupported");
      const written = journal.entries.filter(({ method }) => method === "PUT");
      assert.ok(written.every(({ key }) => key.includes("/.stowage/doctor-")));
    });
  });
});

describe("a delete with a deadline", () => {
  it("goes out again as it was signed, never after, and leaves in doubt what was not answered", async () => {
    await within({}, async (backend, { faults, journal }) => {
      const blob = await put(backend, utf8("spared"));
      const fault = { kind: "drop", when: "head", by: "rst" } as const;
      faults.add({ op: "DeleteObjects", chance: 1, fault });
      const until = new Date((await backend.now?.() ?? assert.fail()).getTime() + 2_500);
      const after = journal.entries.length;
      const [removal] = await backend.blobs.delete([blob], { until });
      assert.equal(removal?.outcome, "unknown");
      assert.ok(Date.now() >= until.getTime() - 1_000);
      const sent = journal.find({ op: "DeleteObjects", after });
      assert.ok(sent.length > 1);
      assert.equal(new Set(sent.map(({ target }) => target)).size, 1, "it was signed again");
      faults.clear();
      assert.equal((await seen(backend, blob.digest)).size, blob.size);
    });
  });

  it("one copy of which was never answered stays in doubt, though another was", async () => {
    await within({}, async (backend, { faults }) => {
      const blob = await put(backend, utf8("doubtful"));
      faults.add({ op: "DeleteObjects", fault: { kind: "late", ms: 200, by: "rst" } });
      const until = new Date((await backend.now?.() ?? assert.fail()).getTime() + 30_000);
      const [removal] = await backend.blobs.delete([blob], { until });
      assert.equal(removal?.outcome, "unknown");
    });
  });

  it("answers for each key: some denied, one left out", async () => {
    const count = 1_000;
    const backend = await bucket.place();
    fill(server, backend, count);
    const blobs = await Array.fromAsync(backend.blobs.list());
    const key = (at: number) =>
      `${backend.url.pathname.slice(1)}/blobs/${(blobs[at]?.digest ?? "").replace(":", "/")}`;
    server.change({
      deleteObjects: {
        failing: {
          [key(3)]: "AccessDenied",
          [key(500)]: "AccessDenied",
          [key(999)]: "AccessDenied",
        },
        silent: [key(7)],
      },
    });
    const answers = await backend.blobs.delete(blobs, { batch: "gc" });
    const counts = Map.groupBy(answers, ({ outcome }) => outcome);
    const told = [...counts].map(([outcome, { length }]) => `${length} ${outcome}`).sort();
    assert.deepEqual(told, ["1 unknown", "3 failed", "996 removed"]);
    server.change({ deleteObjects: { failing: {}, silent: [] } });
  });
});
