import assert from "node:assert/strict";
import { it } from "node:test";
import { unless } from "../skip.ts";
import { askerOf } from "./asker.ts";
import { selfSigned } from "./certificate.ts";
import { start } from "./server.ts";

const tls = selfSigned();

it("the test server over TLS: trusted by its certificate alone, and dropped like any other", {
  ...unless(!tls && "openssl cannot be had here"),
}, async () => {
  if (!tls) return;
  await using server = await start({ tls });
  const ask = askerOf({ ...server, ca: tls.cert });
  assert.equal((await ask("PUT", "/test/a", { body: "text" })).status, 200);
  await assert.rejects(askerOf(server)("GET", "/test/a"), /self.signed certificate/);
  server.faults.add(
    { fault: { kind: "cut", at: 2, by: "rst" } },
    { nth: 2, fault: { kind: "drop", when: "unapplied", by: "fin" } },
  );
  await assert.rejects(ask("GET", "/test/a"));
  await assert.rejects(ask("GET", "/test/a"));
  assert.equal((await ask("GET", "/test/a")).text, "text");
});
