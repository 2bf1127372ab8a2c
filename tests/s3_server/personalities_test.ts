import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { abilitiesOf } from "./abilities.ts";
import { askerOf } from "./asker.ts";
import { COLUMNS, observed, VERSIONS } from "./observed.ts";
import { PERSONALITIES } from "./personalities.ts";
import { start } from "./server.ts";

describe("the test server under its personalities", () => {
  for (const column of COLUMNS) {
    it(`${column}: answers as ${VERSIONS[column]}`, async () => {
      await using server = await start({ personality: column });
      assert.deepEqual(await abilitiesOf(server, server.bucket), observed(column));
    });
  }

  it("lies: says yes to every condition and looks at none", async () => {
    await using server = await start({ personality: "lies" });
    const found = await abilitiesOf(server, server.bucket);
    assert.equal(found["PUT If-None-Match: *, there"], "200, new");
    assert.equal(found["PUT If-Match, another"], "200, new");
    assert.match(found["8 creators at once"], /^8 won/);
  });

  it("racy: is right one at a time, and lets several win at once", async () => {
    await using server = await start({ personality: "racy" });
    const found = await abilitiesOf(server, server.bucket);
    assert.equal(found["PUT If-None-Match: *, there"], "412 PreconditionFailed, old");
    assert.match(found["8 creators at once"], /^[2-8] won/);
    assert.match(found["8 replacers at once"], /^[2-8] won/);
  });

  for (const personality of PERSONALITIES) {
    it(`${personality}: keeps what is put`, async () => {
      await using server = await start({ personality });
      const ask = askerOf(server);
      assert.equal((await ask("PUT", "/test/key", { body: "text" })).status, 200);
      assert.equal((await ask("GET", "/test/key")).text, "text");
    });
  }
});
