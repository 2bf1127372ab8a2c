import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import process from "node:process";
import { describe, it } from "node:test";
import {
  type Docs,
  isOciError,
  type Lease,
  leaseLock,
  OciError,
  parseJson,
} from "../../core/mod.ts";
import { openStore } from "../../core/open.ts";
import type { Claimant, LeaseState } from "../../core/lease_state.ts";
import { ahead, beat, enter, FREE, without } from "../../core/lease_state.ts";
import { openMemory } from "../../plugins/memory/mod.ts";
import { fakeClock } from "../contract/clock.ts";
import { holds } from "../contract/lock_holding.ts";
import { all, fails } from "../contract/suite.ts";
import { unless } from "../skip.ts";

const DOC = ".stowage/leases/gc.json";

async function emptyDocs(): Promise<Docs> {
  const clock = fakeClock();
  const options = { mode: "create", durability: "none", wait: 0, clock, notice() {} } as const;
  return (await openMemory(new URL("mem:"), options)).docs;
}

async function stateOf(docs: Docs): Promise<LeaseState | undefined> {
  const doc = await docs.load(DOC);
  return doc && parseJson(doc.text) as LeaseState;
}

function claimant(id: string, mode: "shared" | "exclusive" = "exclusive", beat = 0): Claimant {
  const owner = { host: "h", boot: "b", pid: 1, command: "c", since: "2024-01-01T00:00:00Z" };
  return { id, mode, beat, owner };
}

const ids = ({ holders, waiting }: LeaseState) =>
  [holders, waiting].map((list) => list.map((it) => it.id).join(""));

describe("who comes next", () => {
  const s = (id: string) => claimant(id, "shared");
  const x = (id: string) => claimant(id);
  const state = (holders: Claimant[], waiting: Claimant[] = []): LeaseState => ({
    ...FREE,
    holders,
    waiting,
  });

  const table: [string, LeaseState, Claimant, string[]][] = [
    ["nobody there", FREE, x("A"), ["A", ""]],
    ["shared beside shared", state([s("a")]), s("b"), ["ab", ""]],
    ["shared after exclusive", state([x("A")]), s("b"), ["A", "b"]],
    ["exclusive after shared", state([s("a")]), x("B"), ["a", "B"]],
    ["shared behind a waiting exclusive", state([s("a")], [x("B")]), s("c"), ["a", "Bc"]],
    ["shared ahead of a waiting exclusive", state([s("a")], [s("b"), x("C")]), s("b"), ["ab", "C"]],
    ["a waiter whose turn it is", state([], [x("A"), x("B")]), x("A"), ["A", "B"]],
    ["a waiter whose turn it is not", state([], [x("A"), x("B")]), x("B"), ["", "AB"]],
    ["a newcomer while others wait", state([], [x("A")]), x("B"), ["", "AB"]],
    ["a holder already", state([x("A")], [x("B")]), x("A"), ["A", "B"]],
  ];
  for (const [name, before, me, after] of table) {
    it(name, () => assert.deepEqual(ids(enter(before, me, true)), after));
  }

  it("only those who queue are noted as waiting, and a beat is noted once", () => {
    const held = state([x("A")]);
    assert.equal(enter(held, x("B"), false), held);
    const queued = enter(held, x("B"), true);
    assert.equal(enter(queued, x("B"), true), queued);
    assert.equal(enter(queued, claimant("B", "exclusive", 1), true).waiting[0]?.beat, 1);
    assert.deepEqual(ahead(queued, x("B")).map(({ id }) => id), ["A"]);
  });

  it("beats and departures touch one claimant, and a stranger's nothing", () => {
    const both = state([s("a"), s("b")], [x("C")]);
    assert.deepEqual(beat(both, "b").holders.map((it) => it.beat), [0, 1]);
    assert.equal(beat(both, "C"), both);
    assert.deepEqual(ids(without(both, "a", "C")), ["b", ""]);
    assert.equal(without(both, "z"), both);
  });
});

describe("leaseLock", () => {
  it("notes the holder while it holds, and nothing afterwards", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    const lease = await leaseLock(docs, { clock, owner: { command: "stowage gc" } }).acquire("gc");
    const [holder] = (await stateOf(docs))?.holders ?? [];
    assert.equal(holder?.mode, "exclusive");
    assert.equal(holder?.owner.command, "stowage gc");
    assert.equal(holder?.owner.pid, process.pid);
    assert.equal(holder?.owner.host, hostname());
    assert.equal(holder?.owner.since, new Date(clock.now()).toISOString());
    await lease[Symbol.asyncDispose]();
    assert.deepEqual(await all(docs.list("")), []);
  });

  it("is held for as long as ever, though the swap that took it waited for the lock of the dead", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    let waits = 1;
    const swap: Docs["swap"] = async (...args) => {
      if (waits-- > 0) await clock.advance(10_000);
      return await docs.swap(...args);
    };
    const lease = await leaseLock({ ...docs, swap }, { clock }).acquire("gc");
    lease.assertHeld();
    await clock.advance(7_900);
    lease.assertHeld();
    await lease[Symbol.asyncDispose]();
    assert.deepEqual(await all(docs.list("")), []);
  });

  it("beats every third of its 10 s, and no more once released", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    const lease = await leaseLock(docs, { clock }).acquire("gc");
    const beats: (number | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      await clock.advance(3334);
      beats.push((await stateOf(docs))?.holders[0]?.beat);
    }
    assert.deepEqual(beats, [1, 2, 3, 4]);
    await lease[Symbol.asyncDispose]();
    assert.equal(clock.sleepers, 0);
  });

  it("gives up 8 s after the last proof when the store does not answer", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    let up = true;
    const down = () => Promise.reject(new OciError("unavailable", "Cannot load: no answer"));
    const lock = leaseLock({ ...docs, load: (...it) => up ? docs.load(...it) : down() }, { clock });
    const lease = await lock.acquire("gc");
    await clock.advance(3334);
    up = false;
    await clock.advance(7900);
    lease.assertHeld();
    assert.equal(lease.signal.aborted, false);
    await clock.advance(200);
    assert.equal(lease.signal.aborted, true);
    assert.ok(isOciError(lease.signal.reason, "lease_lost"));
    assert.throws(() => lease.assertHeld(), (error) => isOciError(error, "lease_lost"));
    await lease[Symbol.asyncDispose]();
  });

  it("a renewal that hangs proves nothing, even when it succeeds late", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    let open = () => {};
    let gate = Promise.resolve();
    const slow: Docs = { ...docs, swap: async (...it) => (await gate, docs.swap(...it)) };
    const lease = await leaseLock(slow, { clock }).acquire("gc");
    gate = new Promise((done) => open = done);
    await clock.advance(8100);
    assert.throws(() => lease.assertHeld(), (error) => isOciError(error, "lease_lost"));
    open();
    await clock.advance(100);
    assert.throws(() => lease.assertHeld(), (error) => isOciError(error, "lease_lost"));
    await lease[Symbol.asyncDispose]();
  });

  it("is never handed out lost: a store too slow for any proof is told of", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    const swap: Docs["swap"] = async (...args) => {
      await clock.advance(9_000);
      return await docs.swap(...args);
    };
    await fails(leaseLock({ ...docs, swap }, { clock }).acquire("gc"), "unavailable");
    assert.deepEqual(await all(docs.list("")), []);
  });

  it("has one holder, though its line freezes, answers get lost and swaps land late", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock(undefined, 0);
    const pause = (most: number) => clock.sleep(clock.random() * most);
    const unknown = new OciError("unavailable", "Cannot say", { reason: "unknown" });
    const line = () => {
      let frozen = 0;
      const pass = () => clock.sleep(Math.max(clock.random() * 300, frozen - clock.elapsed()));
      const through: Docs = {
        ...docs,
        async load(...it) {
          await pass();
          const doc = await docs.load(...it);
          await pass();
          return doc;
        },
        async swap(...it) {
          await pass();
          const chance = clock.random();
          if (chance < 0.1) {
            void pause(20_000).then(() => docs.swap(...it)).catch(() => {});
            throw unknown;
          }
          const done = await docs.swap(...it);
          await pass();
          if (chance < 0.15) throw unknown;
          if (chance < 0.2) throw new OciError("conflict", "Cannot swap: it has moved on");
          return done;
        },
      };
      return { through, freeze: (ms: number) => void (frozen = clock.elapsed() + ms) };
    };
    const held: Lease[] = [];
    let [lost, most] = [0, 0];
    await clock.until(Promise.all(Array.from({ length: 4 }, async () => {
      while (held.length < 60) {
        const { through, freeze } = line();
        const lock = leaseLock(through, { clock, poll: 1_000 });
        try {
          await using lease = await lock.acquire("gc", { wait: 300_000 });
          assert.ok(holds(lease));
          held.push(lease);
          const slow = clock.random() < 0.5;
          for (let n = 0; n < 24 && !lease.signal.aborted; n++) {
            if (slow && n === 5) freeze(clock.random() * 30_000);
            most = Math.max(most, held.filter(holds).length);
            await clock.sleep(500);
          }
          if (lease.signal.aborted) lost++;
        } catch (error) {
          if (!isOciError(error, "unavailable", "conflict")) throw error;
        }
      }
    })));
    assert.deepEqual([most, lost > 0], [1, true]);
  });

  it("a holder that finds itself gone gives up and writes nothing", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    const lease = await leaseLock(docs, { clock }).acquire("gc");
    await docs.swap(DOC, undefined, await docs.load(DOC));
    lease.assertHeld();
    await clock.advance(3400);
    assert.equal(lease.signal.aborted, true);
    assert.equal(await docs.load(DOC), undefined);
    await lease[Symbol.asyncDispose]();
    assert.equal(await docs.load(DOC), undefined);
  });

  it("a wall clock that is set forward costs the lease, one set back does not prolong it", async () => {
    const clock = fakeClock();
    await using first = await leaseLock(await emptyDocs(), { clock }).acquire("gc");
    clock.suspend(-3_600_000);
    first.assertHeld();
    const frozen = { ...clock, sleep: () => new Promise<void>(() => {}) };
    const stuck: Lease = await leaseLock(await emptyDocs(), { clock: frozen }).acquire("gc");
    clock.suspend(-3_600_000);
    await clock.advance(8000);
    assert.throws(() => stuck.assertHeld(), (error) => isOciError(error, "lease_lost"));
    clock.suspend(2 * 3_600_000 + 9000);
    assert.throws(() => first.assertHeld(), (error) => isOciError(error, "lease_lost"));
  });

  it("a dead process is replaced at once, a dead waiter too", async () => {
    const docs = await emptyDocs();
    const dead = claimant("dead");
    const state = { ...FREE, holders: [dead], waiting: [claimant("late")] };
    await docs.swap(DOC, JSON.stringify(state), undefined);
    const clock = fakeClock();
    await fails(leaseLock(docs, { clock }).acquire("gc"), "locked");
    await using _lease = await leaseLock(docs, { clock, alive: ({ pid }) => pid !== 1 }).acquire(
      "gc",
    );
    assert.deepEqual((await stateOf(docs))?.holders.map(({ owner }) => owner.pid), [process.pid]);
  });

  it(
    "tells by itself that a process of this machine is gone",
    unless(process.platform !== "linux" && "boots are known on Linux only"),
    async () => {
      const docs = await emptyDocs();
      const clock = fakeClock();
      await leaseLock(docs, { clock }).acquire("gc");
      const here = (await stateOf(docs))?.holders[0];
      assert.ok(here);
      await fails(leaseLock(docs, { clock }).acquire("gc"), "locked");
      const { pid } = spawnSync("true");
      const rewrite = async (owner: object) => {
        const holders = [{ ...here, owner: { ...here.owner, ...owner } }];
        await docs.swap(DOC, JSON.stringify({ ...FREE, holders }), await docs.load(DOC));
      };
      for (const elsewhere of [{ host: "elsewhere" }, { boot: "before" }, { boot: "" }]) {
        await rewrite({ pid, ...elsewhere });
        await fails(leaseLock(docs, { clock }).acquire("gc"), "locked");
      }
      await rewrite({ pid });
      await using _lease = await leaseLock(docs, { clock }).acquire("gc");
    },
  );

  it("asking again and again without waiting also replaces a silent holder", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    await docs.swap(DOC, JSON.stringify({ ...FREE, holders: [claimant("silent")] }), undefined);
    const lock = leaseLock(docs, { clock });
    await fails(lock.acquire("gc"), "locked");
    await clock.advance(14_000);
    await fails(lock.acquire("gc"), "locked");
    await clock.advance(1000);
    await using _lease = await lock.acquire("gc");
  });

  it("names command, host, process and age of the holder", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    const owner = { command: "stowage gc", host: "build-7", pid: 4711 };
    await using _lease = await leaseLock(docs, { clock, owner, alive: () => true }).acquire("gc");
    await clock.advance(75_000);
    await assert.rejects(leaseLock(docs, { clock }).acquire("gc"), {
      code: "locked",
      message: 'Cannot lock "gc": held by "stowage gc", process 4711 on "build-7", for 75 s',
    });
  });

  for (
    const [what, far, looks] of [
      ["every 0.2 s", false, [280, 320]],
      ["soon, then every 2 s where requests are dear,", true, [28, 40]],
    ] as const
  ) {
    it(`is looked at ${what} by who waits`, async () => {
      const clock = fakeClock();
      const options = { mode: "create", durability: "none", wait: 0, clock, notice() {} } as const;
      const backend = await openMemory(new URL("mem:"), options);
      let loads = 0;
      const load: Docs["load"] = (name, ...rest) => {
        if (name === DOC) loads++;
        return backend.docs.load(name, ...rest);
      };
      const docs = { ...backend.docs, load };
      const { lock } = await openStore(
        { ...backend, docs, far },
        { mode: "create", clock },
        () => {},
      );
      const owner = { host: "elsewhere" };
      await using _lease = await leaseLock(backend.docs, { clock, owner }).acquire("gc");
      await clock.until(fails(lock.acquire("gc", { wait: 60_000 }), "locked"));
      const [least, most] = looks;
      assert.ok(loads >= least && loads <= most, `${loads} looks`);
    });
  }

  it("tells of the holder every 5 s of waiting", async () => {
    const docs = await emptyDocs();
    const clock = fakeClock();
    await using _lease = await leaseLock(docs, { clock, owner: { command: "stowage gc" } }).acquire(
      "gc",
    );
    const told: string[] = [];
    const notice = (code: string, message: string) => void told.push(`${code}: ${message}`);
    await clock.until(
      fails(leaseLock(docs, { clock, notice }).acquire("gc", { wait: 17_000 }), "locked"),
    );
    assert.equal(told.length, 3);
    assert.match(
      told[0] ?? "",
      /^waiting: Waiting for lock "gc": held by "stowage gc", .*, for 5 s$/,
    );
  });

  it("refuses names that are not lower-case segments", async () => {
    const lock = leaseLock(await emptyDocs(), { clock: fakeClock() });
    for (const name of ["", "GC", "../gc", "a//b", "a/", "/a", ".hidden", "a b"]) {
      await fails(lock.acquire(name), "invalid");
    }
  });

  it("a lease that cannot be read is corrupt and stays", async () => {
    const docs = await emptyDocs();
    const doc = await docs.swap(DOC, '{"format":2}', undefined);
    await fails(leaseLock(docs, { clock: fakeClock() }).acquire("gc"), "corrupt");
    assert.deepEqual(await docs.load(DOC), doc);
  });
});
