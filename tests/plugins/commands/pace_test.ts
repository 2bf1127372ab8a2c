import assert from "node:assert/strict";
import { test } from "node:test";
import { createPace, paced } from "../../../plugins/commands/pace.ts";
import { inPool } from "../../../plugins/commands/pool.ts";
import { fakeClock } from "../../contract/clock.ts";

const MIB = 1 << 20;

test("two streams share one rate, and a stop ends the wait", async () => {
  const clock = fakeClock();
  const stop = new AbortController();
  const pace = createPace(MIB, clock, stop.signal);
  const read = async (chunks: number) => {
    const bytes = Array.from({ length: chunks }, () => new Uint8Array(MIB));
    for await (const _ of paced(ReadableStream.from(bytes), pace));
  };
  await clock.until(Promise.all([read(3), read(2)]));
  assert.equal(clock.elapsed(), 5_000);
  const waiting = read(1);
  stop.abort(new DOMException("enough", "AbortError"));
  await assert.rejects(waiting, { code: "aborted" });
});

test("a stream moves on eight times a second, however large its chunks are", async () => {
  const clock = fakeClock();
  const pace = createPace(MIB, clock, new AbortController().signal);
  const passed: [number, number][] = [];
  const read = async () => {
    const chunks = paced(ReadableStream.from([new Uint8Array(MIB), new Uint8Array(9)]), pace);
    for await (const { length } of chunks) passed.push([length, clock.elapsed()]);
  };
  await clock.until(read());
  const steps = Array.from({ length: 8 }, (_, at) => [MIB / 8, (at + 1) * 125]);
  assert.deepEqual(passed.slice(0, 8), steps);
  assert.deepEqual(passed.slice(8).map(([length]) => length), [9]);
});

test("without a rate a stream is left as it is", () => {
  const stream = new ReadableStream<Uint8Array>();
  const pace = createPace(undefined, fakeClock(), new AbortController().signal);
  assert.equal(paced(stream, pace), stream);
});

test("a pool keeps the order and its size; after a failure nothing new starts, and nothing runs on", async () => {
  let [running, most] = [0, 0];
  const work = async (item: number) => {
    most = Math.max(most, ++running);
    await new Promise((done) => setTimeout(done, 10 - item));
    running--;
    if (item === 5) throw new Error("five");
    return item * 2;
  };
  assert.deepEqual(await inPool([4, 3, 2, 1, 0], 2, work), [8, 6, 4, 2, 0]);
  assert.equal(most, 2);
  const seen: number[] = [];
  const noted = (item: number) => (seen.push(item), work(item));
  await assert.rejects(inPool([1, 5, 2, 3, 4], 2, noted), /five/);
  assert.equal(running, 0);
  assert.ok(!seen.includes(4), seen.join());
  assert.deepEqual(await inPool([], 3, work), []);
});
