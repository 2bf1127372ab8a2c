import assert from "node:assert/strict";
import { it } from "node:test";
import { abilitiesOf } from "./abilities.ts";
import { askerOf } from "./asker.ts";
import { forward } from "./forward.ts";
import { observed } from "./observed.ts";
import { start } from "./server.ts";

it("before another server, faults befall requests whose signatures still hold", async () => {
  await using server = await start();
  await using front = await forward({ to: server.url });
  const ask = askerOf({ ...server, url: front.url });
  front.faults.add(
    { op: "PutObject", fault: { kind: "drop", when: "applied", by: "rst" } },
    { op: "GetObject", fault: { kind: "cut", at: 2, by: "fin" } },
  );
  await assert.rejects(ask("PUT", "/test/a b", { body: "text" }));
  await assert.rejects(ask("GET", "/test/a b"));
  assert.equal((await ask("GET", "/test/a b")).text, "text");
  assert.deepEqual(front.journal.tally(), { PutObject: 1, GetObject: 2 });
  assert.deepEqual(server.journal.tally(), { PutObject: 1, GetObject: 2 });
});

it("without faults nobody can tell that there is something between", async () => {
  await using server = await start();
  await using front = await forward({ to: server.url });
  assert.deepEqual(
    await abilitiesOf({ ...server, url: front.url }, server.bucket),
    observed("aws"),
  );
});
