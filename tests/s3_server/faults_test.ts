import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Ask, askerOf } from "./asker.ts";
import type { Fault, Rule } from "./faults.ts";
import { type S3Server, start } from "./server.ts";

const PUT = "PutObject";

async function withFaults(
  rules: readonly Rule[],
  body: (ask: Ask, server: S3Server) => Promise<void>,
): Promise<void> {
  await using server = await start({ faults: rules });
  await body(askerOf(server), server);
}

const cutOff = (promise: Promise<unknown>) => assert.rejects(promise);
const storedAt = async (ask: Ask, key = "/test/a") => {
  const { status, text } = await ask("GET", key);
  return status === 200 ? text : status;
};

describe("faults", () => {
  for (const by of ["fin", "rst"] as const) {
    for (const [when, left] of [["head", 404], ["unapplied", 404], ["applied", "new"]] as const) {
      it(`a connection that ends by ${by}, ${when}, leaves ${left}`, () =>
        withFaults([{ op: PUT, fault: { kind: "drop", when, by } }], async (ask, { journal }) => {
          await cutOff(ask("PUT", "/test/a", { body: "new" }));
          assert.equal(await storedAt(ask), left);
          assert.equal(journal.find({ op: PUT })[0]?.status, when === "applied" ? 200 : undefined);
        }));
    }

    it(`a body that ends early by ${by} is seen as cut, with a length and in chunks`, () =>
      withFaults([
        { op: "GetObject", fault: { kind: "cut", at: 3, by } },
        { op: "GetObject", nth: 2, fault: { kind: "cut", at: 3, by, chunked: true } },
      ], async (ask) => {
        await ask("PUT", "/test/a", { body: "0123456789" });
        await cutOff(ask("GET", "/test/a"));
        await cutOff(ask("GET", "/test/a"));
        assert.equal(await storedAt(ask), "0123456789");
      }));
  }

  it("an error comes before or after the effect", () =>
    withFaults([
      { op: PUT, fault: { kind: "status", status: 503, code: "SlowDown", retryAfter: 1 } },
      {
        op: PUT,
        nth: 2,
        fault: { kind: "status", status: 500, code: "InternalError", applied: true },
      },
    ], async (ask) => {
      const first = await ask("PUT", "/test/a", { body: "new" });
      assert.deepEqual([first.status, first.code, first.headers["retry-after"]], [
        503,
        "SlowDown",
        "1",
      ]);
      assert.equal(await storedAt(ask), 404);
      assert.equal((await ask("PUT", "/test/a", { body: "new" })).status, 500);
      assert.equal(await storedAt(ask), "new");
    }));

  it("200 may carry an error", () =>
    withFaults(
      [{ op: "CopyObject", fault: { kind: "error200", code: "InternalError" } }],
      async (ask) => {
        await ask("PUT", "/test/a", { body: "new" });
        const reply = await ask("PUT", "/test/b", { headers: { "x-amz-copy-source": "/test/a" } });
        assert.deepEqual([reply.status, reply.code], [200, "InternalError"]);
        assert.equal(await storedAt(ask, "/test/b"), 404);
      },
    ));

  it("a byte is flipped, a length is wrong", () =>
    withFaults([
      { op: "GetObject", fault: { kind: "flip", at: 1 } },
      { op: "GetObject", nth: 2, fault: { kind: "length", by: 2 } },
    ], async (ask) => {
      await ask("PUT", "/test/a", { body: "abc" });
      assert.equal(await storedAt(ask), "acc");
      await cutOff(ask("GET", "/test/a"));
      assert.equal(await storedAt(ask), "abc");
    }));

  it("an early answer needs no body", () =>
    withFaults(
      [{ op: PUT, fault: { kind: "early", status: 413, code: "EntityTooLarge" } }],
      async (ask) => {
        // What the client sees of it, the answer or the closed connection, is its own affair.
        await ask("PUT", "/test/a", { body: new Uint8Array(1 << 16) }).catch(() => {});
        assert.equal(await storedAt(ask), 404);
      },
    ));

  it("what lands late lands after newer writes; what lands twice lands again", () =>
    withFaults([
      { op: PUT, fault: { kind: "late", ms: 100, by: "fin" } },
      { op: PUT, key: "b", fault: { kind: "again", ms: 0, shown: "second" } },
    ], async (ask, { journal }) => {
      await cutOff(ask("PUT", "/test/a", { body: "late" }));
      await ask("PUT", "/test/a", { body: "newer" });
      assert.equal(await storedAt(ask), "newer");
      while (journal.find({ op: PUT })[0]?.status === undefined) {
        await new Promise((done) => setTimeout(done, 5));
      }
      assert.equal(await storedAt(ask), "late");
      const again = await ask("PUT", "/test/b", {
        headers: { "if-none-match": "*" },
        body: "once",
      });
      assert.deepEqual([again.status >= 409, await storedAt(ask, "/test/b")], [true, "once"]);
    }));

  it("a gate holds a request until it is opened", () =>
    withFaults([{ op: PUT, fault: { kind: "gate", name: "g" } }], async (ask, { faults }) => {
      const held = ask("PUT", "/test/a", { body: "new" });
      while (faults.waiting("g") === 0) await new Promise((done) => setTimeout(done, 5));
      assert.equal(await storedAt(ask), 404);
      faults.open("g");
      assert.equal((await held).status, 200);
    }));

  const harmless: Record<string, Fault> = {
    "stalls before the body": { kind: "stall", where: "upload", ms: 20 },
    "stalls before the head": { kind: "stall", where: "head", ms: 20 },
    "stalls in the body": { kind: "stall", where: "body", at: 2, ms: 20 },
    "comes slowly": { kind: "slow", rate: 100 },
    "starts with blanks": { kind: "blanks", ms: 20 },
    "has the clock jump": { kind: "clock", ms: 60_000 },
  };
  for (const [name, fault] of Object.entries(harmless)) {
    it(`an answer that ${name} is whole`, () =>
      withFaults([{ op: "GetObject", fault }], async (ask) => {
        await ask("PUT", "/test/a", { body: "0123456789" });
        assert.equal((await ask("GET", "/test/a")).text.trim(), "0123456789");
      }));
  }

  it("a seed repeats what chance did; rules count only their own requests", async () => {
    const run = async (seed: number) => {
      const statuses: number[] = [];
      const fault = { kind: "status", status: 503, code: "SlowDown" } as const;
      await withFaults([{ op: PUT, key: "a*", chance: 0.5, seed, fault }], async (ask) => {
        for (let i = 0; i < 20; i++) statuses.push((await ask("PUT", `/test/a${i}`)).status);
        assert.equal((await ask("PUT", "/test/b")).status, 200);
      });
      return statuses;
    };
    const first = await run(1);
    assert.deepEqual(await run(1), first);
    assert.notDeepEqual(await run(2), first);
    assert.ok(first.includes(200) && first.includes(503));
  });

  it("killed and started again, it has what it had", () =>
    withFaults([], async (ask, server) => {
      await ask("PUT", "/test/a", { body: "new" });
      await server.kill();
      await cutOff(ask("GET", "/test/a"));
      await server.restart();
      assert.equal(await storedAt(ask), "new");
    }));
});
