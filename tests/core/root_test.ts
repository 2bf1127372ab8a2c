import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Doc, Docs } from "../../core/backend.ts";
import type { Descriptor } from "../../core/descriptor.ts";
import { isOciError, OciError } from "../../core/errors.ts";
import { fenced } from "../../core/fence.ts";
import { emptyIndex, type ImageIndex } from "../../core/image_index.ts";
import { change } from "../../core/index_edits.ts";
import { parseIndex, printIndex } from "../../core/index_text.ts";
import { generationOf } from "../../core/nonce.ts";
import { openRoot, type RootOptions } from "../../core/root.ts";
import { fakeClock as makeClock } from "../contract/clock.ts";
import { fails } from "../fails.ts";

const INDEX = "index.json";
const fakeClock = () => makeClock(0, 2);
/** A clock for which no time is lost in sleep. */
const rushing = () => {
  let elapsed = 0;
  const sleep = (ms: number) => Promise.resolve(void (elapsed += ms));
  return { ...makeClock(), elapsed: () => elapsed, sleep };
};
const url = new URL("mem:root");
const conflict = () => new OciError("conflict", "Cannot swap: it has moved on");
const lost = () => new OciError("unavailable", "Cannot swap: no answer", { reason: "unknown" });

/** Documents in a map, and what was asked of them. */
function createDocs(text: string | undefined = printIndex(emptyIndex)) {
  let versions = 0;
  let doc: Doc | undefined = text === undefined ? undefined : { text, version: "0" };
  const asked: string[] = [];
  const docs: Docs = {
    load: () => Promise.resolve((asked.push("load"), doc)),
    // deno-lint-ignore require-await
    async swap(_name, text, seen) {
      asked.push("swap");
      if (doc?.version !== seen?.version) throw conflict();
      return doc = text === undefined ? undefined : { text, version: `${++versions}` };
    },
    async *list() {},
  };
  return { docs, asked, swaps: () => asked.filter((one) => one === "swap").length };
}

const entry = (n: number | string): Descriptor => ({
  mediaType: "a/b",
  digest: `sha256:${`${n}`.padStart(64, "0")}`,
  size: 1,
});
const add = (n: number | string) => (index: ImageIndex) => change(index, { add: [entry(n)] });
const refuse = () => {
  throw new OciError("refused", "Cannot do this");
};
const numbers = (index: ImageIndex) => index.manifests.map((one) => Number(one.digest.slice(7)));
const open = (docs: Docs, options: Partial<RootOptions> = {}) =>
  openRoot(docs, { url, clock: fakeClock(), wait: 30_000, limit: 1 << 20, ...options });

/** A swap by somebody else: another text, whatever stands there. */
async function foreign(docs: Docs, edit: (index: ImageIndex) => ImageIndex): Promise<void> {
  const seen = await docs.load(INDEX);
  await docs.swap(INDEX, printIndex(edit(parseIndex(seen?.text ?? "{}"))), seen);
}

describe("reading the root", () => {
  it("an index that has not changed is parsed once", async () => {
    const root = open(createDocs().docs);
    assert.equal(await root.load(), await root.load());
  });

  it("each load sees what was written before it", async () => {
    const { docs } = createDocs();
    const root = open(docs);
    await root.load();
    await foreign(docs, add(7));
    assert.deepEqual(numbers(await root.load()), [7]);
  });

  for (
    const [what, torn] of Object.entries({
      "no bytes": "",
      "white space": " \n",
      "NULs": "\0\0\0",
      "half a text": '{"schemaVersion":2,"mani',
      "a tail of the former text": `${printIndex(emptyIndex)}]}`,
    })
  ) {
    it(`${what} is read again until it is whole`, async () => {
      const { docs } = createDocs(torn);
      const clock = rushing();
      const load = async (name: string) => {
        const doc = await docs.load(name);
        if (clock.elapsed() < 900) return doc;
        return await docs.swap(name, printIndex(add(1)(emptyIndex)), doc);
      };
      assert.deepEqual(numbers(await open({ ...docs, load }, { clock }).load()), [1]);
    });

    it(`${what} is corrupt after a second`, async () => {
      const { docs } = createDocs(torn);
      const clock = rushing();
      const error = await fails(open(docs, { clock }).load(), "corrupt", /"index\.json"/);
      assert.equal(error.url, url.href);
      assert.equal(error.reason, torn.trim().replaceAll("\0", "") === "" ? "empty" : undefined);
      assert.ok(clock.elapsed() >= 1_000 && clock.elapsed() < 1_200);
    });
  }

  it("what is corrupt is never written over", async () => {
    const { docs, swaps } = createDocs("garbage");
    await fails(open(docs, { clock: rushing() }).edit(add(1)), "corrupt");
    assert.equal(swaps(), 0);
    assert.equal((await docs.load(INDEX))?.text, "garbage");
  });

  it("text that is not UTF-8 is read again too: it may be torn within a letter", async () => {
    const { docs } = createDocs();
    let loads = 0;
    const torn: Docs = {
      ...docs,
      load: (name) =>
        ++loads < 3
          ? Promise.reject(new OciError("corrupt", "Cannot read text: it is not UTF-8"))
          : docs.load(name),
    };
    assert.deepEqual(numbers(await open(torn, { clock: rushing() }).load()), []);
  });

  it("a missing index is corrupt at once, with the reason", async () => {
    const clock = fakeClock();
    const { docs } = createDocs();
    await docs.swap(INDEX, undefined, await docs.load(INDEX));
    const missing = await fails(open(docs, { clock }).load(), "corrupt", /it is missing$/);
    assert.equal(missing.reason, "missing");
    assert.equal(clock.elapsed(), 0);
  });

  it("an index that cannot be reached is unavailable, never missing", async () => {
    const docs: Docs = {
      ...createDocs().docs,
      load: () => Promise.reject(new OciError("unavailable", "Cannot read: the disk is gone")),
    };
    await fails(open(docs).load(), "unavailable");
    await fails(open(docs).edit(add(1)), "unavailable");
  });
});

describe("editing the root", () => {
  it("an edit is one load and one swap; one that changes nothing writes nothing", async () => {
    const { docs, asked } = createDocs();
    const root = open(docs);
    const { before, after } = await root.edit(add(1));
    assert.deepEqual([numbers(before), numbers(after)], [[], [1]]);
    assert.deepEqual(asked, ["load", "swap"]);
    await root.edit((index) => index);
    assert.deepEqual(asked, ["load", "swap", "load"]);
    assert.deepEqual(numbers(await root.load()), [1]);
  });

  it("edits that arrive during a swap share the next one, in order, each with its own outcome", async () => {
    const { docs, swaps } = createDocs();
    const root = open(docs);
    const edits = [1, 2, 3, 4].map((n) => root.edit(n === 3 ? refuse : add(n)));
    const outcomes = await Promise.allSettled(edits);
    assert.deepEqual(outcomes.map(({ status }) => status), [
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    assert.equal(swaps(), 2);
    assert.deepEqual(numbers(await root.load()), [1, 2, 4]);
    assert.equal(generationOf(await root.load()), 2);
  });

  it("a thousand edits at once take a handful of swaps, none is lost", async () => {
    const { docs, swaps } = createDocs();
    const root = open(docs);
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => root.edit(add(n))));
    assert.deepEqual(numbers(await root.load()), Array.from({ length: 1_000 }, (_, n) => n));
    assert.ok(swaps() <= 6, `${swaps()} swaps`);
  });

  it("an edit that throws leaves no mark, even if it was slow", async () => {
    const root = open(createDocs().docs);
    const slow = root.edit(async (index) => {
      await Promise.resolve();
      return refuse() ?? index;
    });
    const [bad] = await Promise.allSettled([slow, root.edit(add(2))]);
    assert.equal(bad.status, "rejected");
    assert.deepEqual(numbers(await root.load()), [2]);
  });

  it("an edit that would pass the limit is refused alone", async () => {
    const root = open(createDocs().docs, { limit: 1_000 });
    const big = (index: ImageIndex) => ({ ...index, later: "x".repeat(1_000) });
    const outcomes = await Promise.allSettled([
      root.edit(add(1)),
      root.edit(add(2)),
      root.edit(big),
      root.edit(add(3)),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status), [
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    await fails(root.edit(big), "size_exceeded", /it would pass 1000 bytes/);
    assert.deepEqual(numbers(await root.load()), [1, 2, 3]);
  });

  it("the limit counts bytes, not letters", async () => {
    const root = open(createDocs().docs, { limit: 500 });
    await fails(root.edit((index) => ({ ...index, later: "é".repeat(300) })), "size_exceeded");
  });

  it("a lost swap is applied again to what stands there now", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    const root = open(docs, { clock });
    let runs = 0;
    const edit = root.edit(async (index) => {
      if (++runs <= 3) await foreign(docs, add(100 + runs));
      return add(1)(index);
    });
    const { before, after } = await clock.until(edit);
    assert.equal(runs, 4);
    assert.deepEqual([numbers(before), numbers(after)], [[101, 102, 103], [101, 102, 103, 1]]);
  });

  it("a precondition that fails the second time rejects that edit alone", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    const root = open(docs, { clock });
    await root.edit(add(0));
    let runs = 0;
    const outcomes = clock.until(Promise.allSettled([
      root.edit(async (index) => {
        if (runs++ > 0) return refuse();
        await foreign(docs, add(100));
        return add(1)(index);
      }),
      root.edit(add(2)),
    ]));
    assert.deepEqual((await outcomes).map(({ status }) => status), ["rejected", "fulfilled"]);
    assert.deepEqual(numbers(await root.load()), [0, 100, 2]);
  });

  it("swaps lost for as long as a writer waits are a conflict, and no longer", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    const root = open(docs, { clock, wait: 2_000 });
    const edit = root.edit(async (index) => {
      await foreign(docs, add(100));
      return add(1)(index);
    });
    const error = await fails(clock.until(edit), "conflict", /others were first for 2000 ms$/);
    assert.equal(error.url, url.href);
    assert.ok(clock.elapsed() >= 2_000 && clock.elapsed() < 2_200, `${clock.elapsed()}`);
    assert.ok(!numbers(await root.load()).includes(1));
  });

  it("any other failure of a swap is told at once, and nothing is tried again", async () => {
    const { docs } = createDocs();
    let swaps = 0;
    const failing: Docs = {
      ...docs,
      swap: () =>
        Promise.reject((swaps++, new OciError("unavailable", "Cannot swap: no space left"))),
    };
    const root = open(failing);
    await fails(root.edit(add(1)), "unavailable", /no space left$/);
    assert.equal(swaps, 1);
  });

  it("after a failure the next edit works", async () => {
    const { docs } = createDocs();
    let broken = true;
    const root = open({
      ...docs,
      swap: (...args) =>
        broken ? Promise.reject(new OciError("unavailable", "No")) : docs.swap(...args),
    });
    await fails(root.edit(add(1)), "unavailable");
    broken = false;
    await root.edit(add(2));
    assert.deepEqual(numbers(await root.load()), [2]);
  });

  it("an aborted edit ends at once: during its swap, before its turn, or before it began", async () => {
    const { docs } = createDocs();
    const swapping = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<undefined>();
    const root = open({ ...docs, swap: () => (swapping.resolve(), answer.promise) });
    const stop = new AbortController();
    const first = root.edit(add(1), stop.signal);
    const second = root.edit(add(2), stop.signal);
    await swapping.promise;
    stop.abort(new Error("enough"));
    for (const edit of [first, second, root.edit(add(3), stop.signal)]) {
      assert.match(String((await fails(edit, "aborted")).cause), /enough/);
    }
    answer.resolve(undefined);
  });

  it("an aborted edit ends during a pause, the others of its batch go on", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    let others = 0;
    const root = open({
      ...docs,
      async swap(...args) {
        if (others++ < 2) await foreign(docs, add(100));
        return await docs.swap(...args);
      },
    }, { clock });
    const stop = new AbortController();
    const first = root.edit(add(0));
    const batch = [root.edit(add(1), stop.signal), root.edit(add(2))];
    await clock.advance(0);
    stop.abort();
    await fails(Promise.resolve(batch[0]), "aborted");
    await clock.until(Promise.all([first, batch[1]]));
    assert.deepEqual(numbers(await root.load()), [100, 100, 0, 2]);
  });
});

describe("a swap whose answer got lost", () => {
  it("that landed is a success, and is not done twice", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    let tell = false;
    const root = open({
      ...docs,
      async swap(...args) {
        const doc = await docs.swap(...args);
        if (!tell) throw (tell = true, lost());
        return doc;
      },
    }, { clock });
    await clock.until(root.edit(add(1)));
    await clock.until(root.edit(add(2)));
    assert.deepEqual(numbers(await root.load()), [1, 2]);
    assert.equal(generationOf(await root.load()), 2);
  });

  it("that landed, and was built upon by another, is a success", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    let lose = true;
    const root = open({
      ...docs,
      async swap(...args) {
        const doc = await docs.swap(...args);
        if (!lose) return doc;
        lose = false;
        await foreign(docs, add(100));
        throw lost();
      },
    }, { clock });
    await clock.until(root.edit(add(1)));
    assert.deepEqual(numbers(await root.load()), [1, 100]);
  });

  it("that landed, and is answered with conflict, is a success", async () => {
    const { docs } = createDocs();
    let told = false;
    const root = open({
      ...docs,
      async swap(...args) {
        const doc = await docs.swap(...args);
        if (!told) throw (told = true, conflict());
        return doc;
      },
    });
    await root.edit(add(1));
    assert.deepEqual(numbers(await root.load()), [1]);
  });

  it("that did not land is sent again, the same text", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    const texts: (string | undefined)[] = [];
    const root = open({
      ...docs,
      swap(name, text, seen) {
        texts.push(text);
        return texts.length < 3 ? Promise.reject(lost()) : docs.swap(name, text, seen);
      },
    }, { clock });
    let runs = 0;
    await clock.until(root.edit((index) => (runs++, add(1)(index))));
    assert.equal(runs, 1);
    assert.equal(texts.length, 3);
    assert.equal(new Set(texts).size, 1);
    assert.deepEqual(numbers(await root.load()), [1]);
  });

  it("that lands late makes the second try fail, and is a success", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    let late: (() => Promise<unknown>) | undefined;
    const root = open({
      ...docs,
      async swap(...args) {
        if (!late) {
          late = () => docs.swap(...args);
          throw lost();
        }
        await late();
        return docs.swap(...args);
      },
    }, { clock });
    await clock.until(root.edit(add(1)));
    assert.deepEqual(numbers(await root.load()), [1]);
  });

  it("while the index cannot be read is settled once it can", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    let down = false;
    let looks = 0;
    const root = open({
      ...docs,
      load: (name) => {
        if (down && ++looks < 4) return Promise.reject(new OciError("unavailable", "No way there"));
        return docs.load(name);
      },
      async swap(...args) {
        if (down) return docs.swap(...args);
        await docs.swap(...args);
        down = true;
        throw lost();
      },
    }, { clock });
    await clock.until(root.edit(add(1)));
    assert.deepEqual(numbers(await root.load()), [1]);
  });

  it("and stays in doubt is unavailable with the reason unknown, after the wait", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    let down = false;
    const root = open({
      ...docs,
      load: (name) =>
        down ? Promise.reject(new OciError("unavailable", "No way there")) : docs.load(name),
      swap: () => Promise.reject((down = true, lost())),
    }, { clock, wait: 1_000 });
    const error = await fails(clock.until(root.edit(add(1))), "unavailable");
    assert.equal(error.reason, "unknown");
    assert.ok(clock.elapsed() >= 1_000 && clock.elapsed() < 1_300);
  });
});

describe("the epoch of the root", () => {
  const fence = (index: ImageIndex) => fenced(index, "run");

  it("is that of the index seen last", async () => {
    const { docs } = createDocs();
    const root = open(docs);
    assert.equal(root.epoch, 0);
    await foreign(docs, fence);
    await root.load();
    assert.equal(root.epoch, 1);
    await root.edit(fence);
    assert.equal(root.epoch, 2);
  });

  it("ends a swap: what stands behind a fence that fails has an attempt of its own", async () => {
    const { docs } = createDocs();
    let swaps = 0;
    const root = open({
      ...docs,
      async swap(name, text, seen) {
        if (swaps++ === 0) throw new OciError("unavailable", "Cannot swap: the disk is full");
        return await docs.swap(name, text, seen);
      },
    });
    const first = root.edit(() => Promise.reject(new OciError("refused", "Cannot do this")));
    const [one, two] = [root.edit(fence), root.edit(add(1))];
    await fails(first, "refused");
    await fails(one, "unavailable", /the disk is full/);
    await two;
    assert.deepEqual(numbers(await root.load()), [1]);
    assert.equal(root.epoch, 0);
  });

  it("is, during an edit, that of the index it is based on, whatever readers see meanwhile", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    const root = open(docs, { clock });
    await root.load();
    const old = await docs.load(INDEX);
    await foreign(docs, fence);
    const seen: number[] = [];
    let stale = false;
    const late = open({ ...docs, load: (name) => stale ? Promise.resolve(old) : docs.load(name) }, {
      clock,
    });
    await clock.until(late.edit(async (index) => {
      seen.push(late.epoch);
      stale = true;
      await late.load();
      stale = false;
      seen.push(late.epoch);
      return add(1)(index);
    }));
    assert.deepEqual(seen, [1, 1]);
  });
});

describe("many writers of one index", () => {
  it("five writers, ten edits each, none lost", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    const writers = Array.from({ length: 5 }, (_, n) => {
      const slow: Docs = {
        ...docs,
        async swap(...args) {
          await clock.sleep(1 + n);
          return await docs.swap(...args);
        },
      };
      return open(slow, { clock: { ...clock, random: () => (n + 1) / 7 } });
    });
    await clock.until(Promise.all(writers.map(async (root, w) => {
      for (let n = 0; n < 10; n++) await root.edit(add(10 * w + n));
    })));
    const all = numbers(await open(docs).load());
    assert.deepEqual(all.toSorted((a, b) => a - b), Array.from({ length: 50 }, (_, n) => n));
    for (let w = 0; w < 5; w++) {
      const own = all.filter((n) => Math.floor(n / 10) === w);
      assert.deepEqual(own, own.toSorted((a, b) => a - b), "edits of one writer keep their order");
    }
  });

  it("of two that expect the same index one wins, the other sees why", async () => {
    const { docs } = createDocs();
    const clock = fakeClock();
    const expectEmpty = (n: number) => (index: ImageIndex) => {
      if (index.manifests.length > 0) throw new OciError("conflict", "Cannot set: it is not empty");
      return add(n)(index);
    };
    const outcomes = await clock.until(Promise.allSettled(
      [1, 2, 3].map((n) =>
        open(docs, { clock: { ...clock, random: () => n / 7 } }).edit(expectEmpty(n))
      ),
    ));
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    for (const one of outcomes) {
      assert.ok(one.status === "fulfilled" || isOciError(one.reason, "conflict"));
    }
    assert.equal((await open(docs).load()).manifests.length, 1);
  });
});
