import assert from "node:assert/strict";
import { once } from "node:events";
import { it } from "node:test";
import { runtimes, startProgram } from "../runtimes.ts";
import { askerOf } from "./asker.ts";

for (const runtime of runtimes) {
  it(`the test server as a process of ${runtime.name}: one place for all who know its endpoint`, async () => {
    const main = new URL("main.ts", import.meta.url);
    const child = startProgram(runtime, main, ["--bucket", "one", "--personality", "rgw16"]);
    try {
      const [line] = await once(child.stdout ?? assert.fail(), "data");
      const url = String(line).trim();
      const ask = askerOf({ url, accessKey: "test", secretKey: "testtest", region: "us-east-1" });
      const control = async (method: string, path: string, body?: unknown) => {
        const answer = await fetch(`${url}/.control/${path}`, {
          method,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return await answer.json();
      };
      await control("POST", "faults", {
        op: "PutObject",
        nth: 2,
        fault: { kind: "status", status: 503, code: "SlowDown" },
      });
      assert.equal((await ask("PUT", "/one/a", { body: "text" })).status, 200);
      assert.equal((await ask("PUT", "/one/a", { body: "text" })).status, 503);
      assert.equal((await ask("GET", "/one/a")).text, "text");
      assert.deepEqual(await control("GET", "tally"), { PutObject: 2, GetObject: 1 });
      const [entry] = await control("GET", "journal?op=PutObject&status=200");
      assert.deepEqual([entry.key, entry.received, entry.method], ["a", 4, "PUT"]);
      assert.equal((await control("GET", "switches")).name, "rgw16");
      await control("PATCH", "switches", { auth: { deny: [{ op: "GetObject" }] } });
      assert.equal((await ask("GET", "/one/a")).status, 403);
      await control("DELETE", "journal");
      assert.deepEqual(await control("GET", "tally"), {});
    } finally {
      child.kill();
      await once(child, "close");
    }
  });
}
