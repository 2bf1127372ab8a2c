import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Digest, ProgressEvent } from "../../../core/basics.ts";
import {
  advance,
  plainLine,
  type Progress,
  summary,
  ttyLines,
} from "../../../plugins/commands/progress.ts";
import { createTalk, modeOf } from "../../../plugins/commands/talk.ts";
import { cells } from "../../../plugins/commands/text.ts";
import { fc } from "../../fast_check.ts";
import { fakeHost } from "./fake_host.ts";

const MIB = 2 ** 20;
const digest = (n: number): Digest => `sha256:${String(n).padStart(64, "0")}`;
const tally = {
  blobs: 4,
  bytes: 3 * MIB,
  sent: 1,
  sentBytes: MIB,
  skipped: 2,
  adopted: 1,
  resumed: 0,
  seconds: 12.4,
};
const start: ProgressEvent = {
  type: "start",
  id: "copy",
  action: "copy",
  place: "./x",
  blobs: 4,
  bytes: 4 * MIB,
};
const blob = (
  n: number,
  state: "moving" | "done" | "skipped" | "failed",
  done: number,
  total = done,
): ProgressEvent => ({
  type: "blob",
  id: "copy",
  digest: digest(n),
  state,
  done,
  total,
});

function after(...events: [ProgressEvent, number][]): Progress {
  let progress: Progress | undefined;
  for (const [event, now] of events) progress = advance(progress, event, now);
  assert.ok(progress);
  return progress;
}

it("one line tells blobs, bytes, share, rate and time left", () => {
  const progress = after([start, 0], [blob(1, "done", MIB), 1000], [
    blob(2, "moving", MIB, 2 * MIB),
    2000,
  ]);
  assert.equal(plainLine(progress, 2000), "copy 1/4 blobs 2.0 MiB/4.0 MiB 50% 1.0 MiB/s eta 2s");
});

it("without totals nothing is made up", () => {
  const progress = after([{ type: "start", id: "copy", action: "copy", place: "" }, 0], [
    blob(1, "skipped", MIB),
    0,
  ]);
  assert.equal(plainLine(progress, 0), "copy 1 blob 1.0 MiB");
});

it("what was there already does not make the rate faster", () => {
  const progress = after([start, 0], [blob(1, "skipped", 2 * MIB), 1000]);
  assert.equal(plainLine(progress, 2000), "copy 1/4 blobs 2.0 MiB/4.0 MiB 50%");
});

it("a failed blob leaves the picture and is not counted", () => {
  const progress = after([start, 0], [blob(1, "moving", 5, 9), 0], [blob(1, "failed", 5, 9), 0]);
  assert.equal(progress.moving.size, 0);
  assert.equal(progress.blobs, 0);
});

it("advance leaves the state before it alone", () => {
  const before = after([start, 0]);
  const copy = structuredClone(before);
  advance(before, blob(1, "moving", 1, 2), 5000);
  assert.deepEqual(before, copy);
});

describe("a terminal shows five blobs at most, fewer in a low window", () => {
  const many = after(
    [start, 0],
    ...[1, 2, 3, 4, 5, 6, 7].map((n): [ProgressEvent, number] => [blob(n, "moving", 1, 2), 0]),
  );
  const lines = (height: number) => ttyLines(many, { width: 80, height, unicode: false }, 0);
  it("tall", () => assert.equal(lines(24).length, 6));
  it("low", () => assert.equal(lines(4).length, 3));
  it("flat", () => assert.equal(lines(1).length, 1));
  it("bars are ASCII where nothing else can be shown", () => {
    assert.match(lines(24)[0] ?? "", /^sha256:000000000000 {2}#+\.+ {3}50% {2}1 B\/2 B$/);
    assert.doesNotMatch(lines(24).join(""), /[^\x20-\x7e]/);
    assert.match(ttyLines(many, { width: 80, height: 24, unicode: true }, 0).join(""), /█/);
  });
});

it("no line is ever as wide as the window", () => {
  const size = fc.nat(2 ** 40);
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 200 }),
      fc.boolean(),
      size,
      size,
      (width, unicode, done, total) => {
        const progress = after([start, 0], [blob(1, "moving", done, total), 1]);
        for (const line of ttyLines(progress, { width, height: 24, unicode }, 50)) {
          assert.ok(cells(line) < width, line);
        }
      },
    ),
  );
});

it("the summary tells what moved and what did not", () => {
  const named: ProgressEvent = { type: "reference", id: "copy", name: "v1", digest: digest(1) };
  assert.equal(
    summary(after([start, 0], [named, 0], [named, 0]), tally),
    "Copied 2 references: 4 blobs, 3.0 MiB; 2 already there, 1 linked, 12.4 s",
  );
});

describe("the talk on stderr", () => {
  const options = { mode: "auto", quiet: false, verbose: 0, logs: "text" } as const;
  const end: ProgressEvent = { type: "end", id: "copy", ok: true, tally };
  it("auto is a terminal's only where one is and nobody objects", () => {
    const { host: { terminal } } = fakeHost([], { CI: "" });
    const tty = { ...terminal, tty: { ...terminal.tty, err: true } };
    assert.equal(modeOf(options, terminal), "plain");
    assert.equal(modeOf(options, tty), "tty");
    assert.equal(modeOf({ ...options, quiet: true }, tty), "none");
    assert.equal(modeOf({ ...options, logs: "json" }, tty), "plain");
    assert.equal(
      modeOf(options, { ...tty, env: (name) => name === "CI" ? "1" : undefined }),
      "plain",
    );
    assert.equal(
      modeOf(options, { ...tty, env: (name) => name === "TERM" ? "dumb" : undefined }),
      "plain",
    );
  });
  it("plain speaks every ten seconds and sums up", async () => {
    const { host, said, clock } = fakeHost([]);
    const talk = createTalk(host.terminal, clock, { ...options, mode: "plain" });
    talk.onEvent(start);
    clock.pass(9_999);
    await Promise.resolve();
    assert.deepEqual(said.err, []);
    clock.pass(1);
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    assert.deepEqual(said.err, ["copy 0/4 blobs 0 B/4.0 MiB 0%"]);
    talk.onEvent(end);
    await talk.close();
    assert.match(said.err[1] ?? "", /^Copied 4 blobs/);
    assert.equal(said.err.length, 2);
  });
  it("json tells twice a second per blob at most, its end always", async () => {
    const { host, said, clock } = fakeHost([]);
    const talk = createTalk(host.terminal, clock, { ...options, mode: "json" });
    for (let at = 0; at < 20; at++) {
      talk.onEvent(blob(1, "moving", at, 20));
      clock.pass(100);
    }
    talk.onEvent(blob(1, "done", 20));
    talk.onEvent(end);
    await talk.close();
    const events = said.err.map((line) => JSON.parse(line));
    assert.deepEqual(events.map(({ type, state }) => state ?? type), [
      ...Array(4).fill("moving"),
      "done",
      "end",
    ]);
    assert.ok(
      events.every(({ schema, time }) => schema === "stowage.progress/1" && time.endsWith("Z")),
    );
  });
  it("a failure has no summary, a warning is given once", async () => {
    const { host, said, clock } = fakeHost([]);
    const talk = createTalk(host.terminal, clock, { ...options, mode: "plain" });
    talk.onEvent(start);
    talk.notice({ code: "odd", message: "a\x1b" });
    talk.notice({ code: "odd", message: "a\x1b" });
    talk.onEvent({ ...end, ok: false });
    await talk.close();
    assert.deepEqual(said.err, ["warning: a\\u{1b}  [odd]"]);
  });
});

it("what is taken in moves under its name until it is a blob", () => {
  const taking = (done: number): ProgressEvent => ({
    type: "ingest",
    id: "push",
    name: "disk.img",
    done,
    total: 4 * MIB,
  });
  const ended: ProgressEvent = {
    type: "ingest",
    id: "push",
    name: "disk.img",
    done: 1,
    ended: true,
  };
  const window = { width: 80, height: 24, unicode: false };
  const moving = after([{ ...start, action: "push" }, 0], [taking(MIB), 1000]);
  assert.match(ttyLines(moving, window, 2000)[0] ?? "", /^disk\.img .*25% {2}1\.0 MiB\/4\.0 MiB$/);
  assert.match(plainLine(moving, 2000), /^push .* 1\.0 MiB\/4\.0 MiB 25% .*\/s eta /);
  const done = after([start, 0], [taking(MIB), 1000], [ended, 2000], [blob(1, "done", MIB), 2000]);
  assert.equal(ttyLines(done, window, 2000).length, 1);
  assert.equal(done.bytes, MIB);
});
