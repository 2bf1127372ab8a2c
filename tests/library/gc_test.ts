// The collector as a library user has it: mod.ts and nothing else.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  collectGarbage,
  type Layout,
  openLayout,
  planCollection,
  readRetention,
  undoCollection,
} from "../../mod.ts";
import { fails } from "../fails.ts";
import { imageOf, pushAll } from "../images.ts";

let places = 0;

/** A layout of images under these names. */
async function layoutOf(...names: readonly string[]): Promise<Layout> {
  const layout = await openLayout(`mem:library-gc-${++places}`, { mode: "create" });
  for (const name of names) {
    const image = imageOf(name);
    await pushAll(layout, image.config, image.layer, image);
    await layout.tag(image.descriptor, name);
  }
  // So that nothing is of this very moment.
  await sleep(20);
  return layout;
}

const names = async (layout: Layout) => (await layout.references()).map(({ name }) => name);
const policy = { rules: [{ refs: ["pr-*"], keepLast: 1 }], grace: 0, maxDrop: 100 };

describe("the collector in the library", () => {
  it("collects by a policy, says what it did to the byte, and takes it back", async () => {
    await using layout = await layoutOf("main", "pr-1", "pr-2");
    const report = await collectGarbage(layout, { policy, explain: true });
    assert.deepEqual(report.refs.dropped.map(({ name, rule, reason }) => [name, rule, reason]), [
      ["pr-1", "1", "1 newer"],
    ]);
    assert.deepEqual([report.mode, report.refs.kept, report.blobs.deleted], ["apply", 2, 3]);
    const objects = report.objects ?? [];
    assert.equal(objects.reduce((sum, { size }) => sum + size, 0), report.bytes.deleted);
    assert.deepEqual(new Set(objects.map(({ action }) => action)), new Set(["delete"]));
    assert.deepEqual(await names(layout), ["main", "pr-2"]);
    const { entries, blobs } = await undoCollection(layout);
    assert.deepEqual([entries.length, blobs.length], [1, 3]);
    assert.deepEqual(await names(layout), ["main", "pr-1", "pr-2"]);
    await fails(undoCollection(layout), "not_found");
  });

  it("plans without a write, and carries out a plan that was kept as JSON", async () => {
    await using layout = await layoutOf("main", "pr-1", "pr-2");
    const before = await layout.index();
    const { report, plan } = await planCollection(layout, { policy });
    assert.deepEqual([report.mode, report.refs.dropped.length], ["plan", 1]);
    assert.deepEqual(await layout.index(), before);
    const dry = await collectGarbage(layout, { policy, dryRun: true });
    assert.deepEqual([dry.mode, dry.blobs.deleted, await layout.index()], ["dry-run", 3, before]);
    const request = { policy: { maxDrop: 100 }, plan: JSON.parse(JSON.stringify(plan)) };
    assert.equal((await collectGarbage(layout, request)).blobs.deleted, 3);
    assert.deepEqual(await names(layout), ["main", "pr-2"]);
  });

  it("reports the members that its version promises", async () => {
    await using layout = await layoutOf("main", "pr-1", "pr-2");
    const report = await collectGarbage(layout, { policy });
    assert.deepEqual(Object.keys(report).sort(), [
      ...["blobs", "bytes", "damaged", "epoch", "failed", "finished", "generation"],
      ...["ingestsExpired", "missing", "mode", "orphanReferrers", "phases", "policy", "refs"],
      ...["requests", "restored", "resumed", "run", "spared", "started", "t0", "trash", "warnings"],
    ]);
    const [from, to] = report.generation;
    assert.ok(to > from, `${from} to ${to}`);
    assert.deepEqual(report.spared, { young: 0, rescued: 0, replaced: 0, unknownAlgorithm: 0 });
    assert.equal(report.trash.bytes, report.bytes.deleted);
    const day = Date.parse(report.trash.until ?? "") - Date.parse(report.started);
    assert.ok(day > 86_000_000 && day < 90_000_000, report.trash.until);
    assert.deepEqual([report.policy.grace, report.policy.quarantine], [0, 0]);
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  });

  it("says when there will be work again", async () => {
    await using layout = await layoutOf("main", "pr-1");
    const rules = [{ refs: ["pr-*"], maxAge: 86_400_000 }];
    const { next, refs } = await collectGarbage(layout, { policy: { rules } });
    assert.equal(refs.dropped.length, 0);
    const wait = Date.parse(next ?? "") - Date.now();
    assert.ok(wait > 86_000_000 && wait <= 86_400_000, next);
  });

  it("takes nothing without a policy but what nothing reaches, after its grace", async () => {
    await using layout = await layoutOf("main");
    await pushAll(layout, imageOf("young").layer);
    const { blobs, refs, spared } = await collectGarbage(layout);
    assert.deepEqual([blobs.deleted, blobs.waiting, refs.kept, spared.young], [0, 1, 1, 1]);
    await sleep(20);
    const now = await collectGarbage(layout, { exclusive: true });
    assert.deepEqual([now.blobs.deleted, now.trash.bytes], [1, 0]);
  });

  it("reads policies as files spell them, and refuses what it would refuse on the command line", async () => {
    const file = { schema: "stowage.retention/1", rules: [{ refs: ["*"], maxAge: "14d" }] };
    assert.equal((await readRetention(JSON.stringify(file))).rules[0]?.maxAge, 1_209_600_000);
    await fails(readRetention("{}"), "invalid");
    await using layout = await layoutOf("pr-1", "pr-2");
    const rules = [{ refs: ["*"] }];
    await fails(collectGarbage(layout, { policy: { rules } }), "refused", /more than 50 %/);
    const { warnings } = (await planCollection(layout, { policy: { rules } })).report;
    assert.deepEqual(warnings.map(({ code }) => code), ["refused"]);
    await using reader = await openLayout(layout.store.backend);
    await fails(collectGarbage(reader), "read_only", /opened to read/);
  });
});
