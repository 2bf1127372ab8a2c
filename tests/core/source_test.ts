import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chunksOf, collect, type Source } from "../../core/source.ts";
import { moment, noise, utf8 } from "../contract/suite.ts";
import { fails } from "../fails.ts";

const bytes = noise(2_500_000);

function streamOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

async function* iterate(...chunks: Uint8Array[]) {
  yield* chunks;
}

const halves = [bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)] as const;
const sources: Readonly<Record<string, () => Source>> = {
  "an array": () => bytes,
  "a Blob": () => new Blob([bytes]),
  "a stream": () => streamOf(...halves),
  "an iteration": () => iterate(...halves),
  "what can be sought": () => ({
    read: (offset, length) => Promise.resolve(bytes.slice(offset, offset + length)),
  }),
  "what can be opened": () => ({
    open: (offset) => Promise.resolve(iterate(bytes.subarray(offset))),
  }),
};

async function all(source: Source, offset = 0): Promise<Uint8Array> {
  return await collect(chunksOf(source, { offset }), Infinity, "the source");
}

describe("sources", () => {
  for (const [name, make] of Object.entries(sources)) {
    it(`${name} gives its bytes from any offset, none past its end`, async () => {
      for (
        const offset of [0, 1, 999_999, 1_000_000, bytes.length - 1, bytes.length, bytes.length + 9]
      ) {
        assert.deepEqual(await all(make(), offset), bytes.slice(offset), `from ${offset}`);
      }
    });
  }

  it("an empty source gives no chunk", async () => {
    const empty = [utf8(""), new Blob([]), streamOf(), streamOf(utf8("")), iterate(utf8(""))];
    for (const source of empty) {
      for await (const chunk of chunksOf(source)) assert.fail(`${chunk.length} bytes came`);
    }
  });

  it("a stream that somebody else reads is invalid", async () => {
    const stream = streamOf(bytes);
    stream.getReader();
    await fails((async () => await all(stream))(), "invalid");
  });

  it("more than the limit is size_exceeded, and the rest is not read", async () => {
    let read = 0;
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => (read++, controller.enqueue(new Uint8Array(1000))),
      cancel: () => void (cancelled = true),
    });
    await fails(collect(chunksOf(endless), 10_500, "it"), "size_exceeded");
    assert.ok(cancelled && read < 15, `${read} chunks were read`);
  });
});

describe("giving a source back", () => {
  it("cancels a stream that was not read, or not to its end, or whose cancel fails", async () => {
    for (const taken of [0, 1]) {
      let cancelled = 0;
      const stream = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(utf8("x")),
        cancel: () => {
          cancelled++;
          throw new Error("of no interest");
        },
      });
      const chunks = chunksOf(stream);
      if (taken) { for await (const _ of chunks) break; }
      await chunks.cancel();
      await chunks.cancel();
      assert.equal(cancelled, 1);
    }
  });

  it("ends an iteration, its clean-up included", async () => {
    let cleaned = false;
    async function* endless() {
      try {
        while (true) yield utf8("x");
      } finally {
        await moment(1);
        cleaned = true;
      }
    }
    const chunks = chunksOf(endless());
    for await (const _ of chunks) break;
    await chunks.cancel();
    assert.ok(cleaned);
  });

  it("leaves a stream that ended alone", async () => {
    const chunks = chunksOf(streamOf(bytes));
    for await (const _ of chunks);
    await chunks.cancel();
  });
});

describe("a signal", () => {
  const stalled: Readonly<Record<string, () => Source>> = {
    "a stream": () => new ReadableStream({ pull: () => new Promise(() => {}) }),
    "an iteration": () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }),
    }),
    "a generator": async function* () {
      yield await new Promise<never>(() => {});
    },
    "what can be sought": () => ({ read: () => new Promise(() => {}) }),
    "what can be opened": () => ({ open: () => new Promise(() => {}) }),
  };
  for (const [name, make] of Object.entries(stalled)) {
    it(`frees who waits for ${name} that has stalled`, async () => {
      const stop = new AbortController();
      const reading = collect(chunksOf(make(), { signal: stop.signal }), 10, "it");
      setTimeout(() => stop.abort(), 2);
      await fails(reading, "aborted");
    });
  }

  it("that has fired already keeps the source from being read", async () => {
    let read = 0;
    const source = { read: () => Promise.resolve(new Uint8Array(read++)) };
    await fails(collect(chunksOf(source, { signal: AbortSignal.abort() }), 10, "it"), "aborted");
    assert.equal(read, 0);
  });

  it("that fires between chunks lets none more through", async () => {
    const stop = new AbortController();
    let passed = 0;
    const reading = (async () => {
      for await (const _ of chunksOf(iterate(...halves), { signal: stop.signal })) {
        passed++;
        stop.abort();
      }
    })();
    await fails(reading, "aborted");
    assert.equal(passed, 1);
  });
});

it("what a source throws is passed on as it is", async () => {
  const cause = new Error("cut off");
  async function* failing() {
    yield utf8("x");
    throw cause;
  }
  const streamed = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(cause),
  });
  for (const source of [failing(), streamed, { read: () => Promise.reject(cause) }]) {
    await assert.rejects(all(source), (error) => error === cause);
  }
});
