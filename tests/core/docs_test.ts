import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Docs,
  editDoc,
  editJson,
  loadJson,
  OciError,
  type Schema,
  z,
} from "../../core/mod.ts";
import { openMemory } from "../../plugins/memory/mod.ts";
import { fakeClock } from "../contract/clock.ts";
import { fails } from "../contract/suite.ts";

const NAME = ".stowage/note.json";

async function emptyDocs(): Promise<Docs> {
  const options = {
    mode: "create",
    durability: "none",
    wait: 0,
    clock: fakeClock(),
    notice() {},
  } as const;
  return (await openMemory(new URL("mem:"), options)).docs;
}

/** Docs whose swap fails the first times. */
function failing(docs: Docs, times: number, error: OciError): { docs: Docs; swaps: () => number } {
  let swaps = 0;
  const swap: Docs["swap"] = (...request) =>
    swaps++ < times ? Promise.reject(error) : docs.swap(...request);
  return { docs: { ...docs, swap }, swaps: () => swaps };
}

const conflict = new OciError("conflict", "Cannot swap: it has moved on");

describe("editDoc", () => {
  it("creates, changes and removes", async () => {
    const docs = await emptyDocs();
    const options = { clock: fakeClock() };
    const first = await editDoc(docs, NAME, (text) => `${text}`, options);
    assert.equal(first?.text, "undefined");
    const second = await editDoc(docs, NAME, (text) => `${text}!`, options);
    assert.deepEqual(await docs.load(NAME), second);
    assert.equal(second?.text, "undefined!");
    assert.equal(await editDoc(docs, NAME, () => undefined, options), undefined);
    assert.equal(await docs.load(NAME), undefined);
  });

  it("writes nothing when the text stays", async () => {
    const docs = await emptyDocs();
    const options = { clock: fakeClock() };
    const before = await docs.swap(NAME, "as it was", undefined);
    const never = { ...docs, swap: () => assert.fail("swapped") };
    assert.deepEqual(await editDoc(never, NAME, (text) => text, options), before);
    assert.equal(await editDoc(never, "none.json", () => undefined, options), undefined);
  });

  it("applies eight workers' ten edits each, none lost", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    const add = (text = "0") => String(Number(text) + 1);
    const worker = async () => {
      for (let i = 0; i < 10; i++) await editDoc(docs, NAME, add, { clock });
    };
    await clock.until(Promise.all(Array.from({ length: 8 }, worker)));
    assert.equal((await docs.load(NAME))?.text, "80");
  });

  it("applies the edit to what stands there after a conflict", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    let rival: string | undefined = "rival";
    const edit = editDoc(
      {
        ...docs,
        async swap(name, text, seen) {
          if (rival) await docs.swap(name, rival, seen);
          rival = undefined;
          return docs.swap(name, text, seen);
        },
      },
      NAME,
      (text = "nothing") => `${text}, then me`,
      { clock },
    );
    assert.equal((await clock.until(edit))?.text, "rival, then me");
  });

  it("pauses longer after each conflict, at random, and never above 5 s", async () => {
    const pauses: number[] = [];
    const clock = {
      ...fakeClock(),
      random: () => 0.5,
      sleep: (ms: number) => Promise.resolve(void pauses.push(ms)),
    };
    const { docs } = failing(await emptyDocs(), 14, conflict);
    await editDoc(docs, NAME, () => "done", { clock, wait: 1e9 });
    assert.deepEqual(pauses.slice(0, 4), [2.5, 5, 10, 20]);
    assert.deepEqual(pauses.slice(-3), [2500, 2500, 2500]);
  });

  it("gives up with conflict once `wait` is over", async () => {
    const clock = fakeClock();
    const { docs, swaps } = failing(await emptyDocs(), Infinity, conflict);
    await clock.until(fails(editDoc(docs, NAME, () => "x", { clock, wait: 1000 }), "conflict"));
    assert.ok(clock.elapsed() >= 1000 && clock.elapsed() <= 1001, `after ${clock.elapsed()} ms`);
    assert.ok(swaps() > 5);
    await fails(editDoc(docs, NAME, () => "x", { clock, wait: 0 }), "conflict");
  });

  it("tries again on nothing but a conflict of the swap", async () => {
    const clock = fakeClock();
    const lost = new OciError("unavailable", "Cannot swap: no answer");
    const { docs, swaps } = failing(await emptyDocs(), 1, lost);
    await fails(editDoc(docs, NAME, () => "x", { clock }), "unavailable");
    assert.equal(swaps(), 1);
    let edits = 0;
    const refuse = () => {
      edits++;
      throw conflict;
    };
    await fails(editDoc(docs, NAME, refuse, { clock }), "conflict");
    assert.equal(edits, 1);
  });

  it("ends with aborted, before it begins and while it pauses", async () => {
    const clock = fakeClock();
    const { docs } = failing(await emptyDocs(), Infinity, conflict);
    const never = { ...docs, load: () => assert.fail("loaded") };
    const signal = AbortSignal.abort();
    await fails(editDoc(never, NAME, () => "x", { clock, signal }), "aborted");
    const stop = new AbortController();
    const edit = editDoc(docs, NAME, () => "x", { clock, signal: stop.signal });
    while (clock.sleepers === 0) await Promise.resolve();
    stop.abort(new Error("enough"));
    await fails(edit, "aborted");
  });
});

describe("editJson", () => {
  const schema = z.looseObject({ count: z.number() }) as unknown as Schema<{ count: number }>;

  it("edits the value and keeps members it does not know", async () => {
    const docs = await emptyDocs();
    await docs.swap(NAME, '{ "count": 1, "later": true }', undefined);
    const add = (value = { count: 0 }) => ({ ...value, count: value.count + 1 });
    assert.equal((await editJson(docs, NAME, schema, add, { clock: fakeClock() }))?.count, 2);
    assert.equal((await docs.load(NAME))?.text, '{"count":2,"later":true}');
    assert.deepEqual(await loadJson(docs, NAME, schema), { count: 2, later: true });
    assert.equal(await loadJson(docs, "none.json", schema), undefined);
  });

  it("writes nothing when the same value comes back, however it was printed", async () => {
    const docs = await emptyDocs();
    const before = await docs.swap(NAME, '{ "count":\t1 }', undefined);
    await editJson(docs, NAME, schema, (value) => value, { clock: fakeClock() });
    assert.deepEqual(await docs.load(NAME), before);
    await editJson(docs, NAME, schema, () => undefined, { clock: fakeClock() });
    assert.equal(await docs.load(NAME), undefined);
  });

  it("says corrupt, and leaves alone, what is not of the shape", async () => {
    const docs = await emptyDocs();
    for (const text of ["", "{", "[]", '{"count":"1"}', '{"count":1,"count":2}']) {
      const seen = await docs.swap(NAME, text, await docs.load(NAME));
      const edit = editJson(docs, NAME, schema, () => ({ count: 1 }), { clock: fakeClock() });
      await fails(edit, "corrupt");
      await fails(loadJson(docs, NAME, schema), "corrupt");
      assert.deepEqual(await docs.load(NAME), seen);
    }
  });
});
