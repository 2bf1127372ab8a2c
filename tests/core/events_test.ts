import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf, type ProgressEvent, startMeter } from "../../core/mod.ts";

const [one, two] = [digestOf("one"), digestOf("two")];

/** A meter whose time is told, and what it said. */
function meter() {
  const events: ProgressEvent[] = [];
  const time = { now: 1000 };
  const clock = { elapsed: () => time.now };
  return { time, events, ...startMeter("copy", "mem:x", clock, (event) => events.push(event)) };
}

describe("a meter", () => {
  it("tells how far a blob has come ten times a second, each blob by itself", () => {
    const { time, events, moving } = meter();
    for (let n = 0; n < 100; n++) {
      moving(one, n, 100);
      if (n % 2 === 0) moving(two, n, 100);
      time.now += 10;
    }
    const told = (digest: string) =>
      events.filter((event) => event.type === "blob" && event.digest === digest).length;
    assert.deepEqual([told(one), told(two)], [10, 10]);
  });

  it("adds up what was sent, adopted, skipped and gone on with", () => {
    const { time, meet, settle, fail, tally, end } = meter();
    for (const size of [10, 20, 30, 40]) meet(size);
    settle(one, 10, "done");
    settle(two, 20, "done", 15);
    settle(one, 30, "skipped");
    settle(one, 40, "adopted");
    fail(two, 50);
    time.now += 2500;
    const sums = {
      blobs: 4,
      bytes: 100,
      sent: 2,
      sentBytes: 15,
      skipped: 1,
      adopted: 1,
      resumed: 1,
      seconds: 2.5,
    };
    assert.deepEqual(tally(), sums);
    assert.deepEqual(end(true), sums);
  });

  it("tells start, names, failures and the end, in the order they came", () => {
    const { events, reference, settle, fail, end } = meter();
    settle(one, 3, "adopted");
    fail(two, 5);
    reference("v1", one);
    reference("v2", one, two);
    const tally = end(false);
    assert.deepEqual(events, [
      { type: "start", id: "copy", action: "copy", place: "mem:x" },
      { type: "blob", id: "copy", digest: one, state: "adopted", done: 3, total: 3 },
      { type: "blob", id: "copy", digest: two, state: "failed", done: 0, total: 5 },
      { type: "reference", id: "copy", name: "v1", digest: one },
      { type: "reference", id: "copy", name: "v2", digest: one, previous: two },
      { type: "end", id: "copy", ok: false, tally },
    ]);
  });
});
