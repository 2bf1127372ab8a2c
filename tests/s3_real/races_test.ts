import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { editDoc, systemClock } from "../../core/mod.ts";
import { openLayout } from "../../mod.ts";
import { finished, runtimes, startProgram } from "../runtimes.ts";
import { askerOf } from "../s3_server/asker.ts";
import { unless } from "../skip.ts";
import { opening, placesIn } from "./places.ts";
import { type RealServer, servers } from "./servers.ts";

const forWriters = ({ name, conditional }: RealServer) =>
  unless(!conditional && `${name} has no conditional writes, and is for one writer`);

for (const server of servers) {
  const { name, url, other = url, bucket } = server;
  const gateways = [url, other];
  const through = url === other ? "one gateway" : "two gateways";

  test(`${name}: of 20 creators through ${through} one wins, and its bytes are stored`, {
    ...forWriters(server),
    timeout: 120_000,
  }, async () => {
    await using places = placesIn(server);
    for (const size of [100, 40_000, 2 << 20]) {
      const key = `/${bucket}${places.url(`size-${size}`).pathname}`;
      const replies = await Promise.all(Array.from({ length: 20 }, async (_, i) => {
        const ask = askerOf({ ...server, url: gateways[i % 2] ?? url });
        const body = String.fromCharCode(65 + i).repeat(size);
        const asked = ask("PUT", key, { headers: { "if-none-match": "*" }, body });
        // A server may close on a loser that is still talking.
        const reply = await asked.catch(() => undefined);
        return { body, won: reply?.status === 200 };
      }));
      const winners = replies.filter(({ won }) => won);
      assert.equal(winners.length, 1, `${size} bytes`);
      assert.ok((await places.ask("GET", key)).text === winners[0]?.body, `${size} bytes`);
    }
  });

  test(`${name}: 16 clients through ${through}, 8 increments each, make 128`, {
    ...forWriters(server),
    timeout: 300_000,
  }, async () => {
    await using places = placesIn(server);
    const doc = ".stowage/counter.json";
    await Promise.all(Array.from({ length: 16 }, async (_, i) => {
      await using backend = await places.open(places.url("counter", gateways[i % 2]), opening);
      for (let n = 0; n < 8; n++) {
        await editDoc(backend.docs, doc, (text) => String(Number(text ?? "0") + 1), {
          clock: systemClock,
          wait: 240_000,
        });
      }
    }));
    await using backend = await places.open(places.url("counter"), opening);
    assert.equal((await backend.docs.load(doc))?.text, "128");
  });

  test(`${name}: four processes through ${through}, ten names each, none lost`, {
    ...forWriters(server),
    timeout: 300_000,
  }, async () => {
    await using places = placesIn(server);
    process.env["AWS_ACCESS_KEY_ID"] = server.accessKey;
    process.env["AWS_SECRET_ACCESS_KEY"] = server.secretKey;
    const urls = gateways.map((gateway) => places.url("layout", gateway));
    await using layout = await openLayout(urls[0] ?? assert.fail(), { mode: "create" });
    const { descriptor } = await layout.push({ mediaType: "text/plain" }, new Uint8Array([1]));
    const program = new URL("../processes/tagger.ts", import.meta.url);
    const done = await Promise.all(Array.from({ length: 4 }, (_, n) => {
      const runtime = runtimes[(n >> 1) % runtimes.length] ?? assert.fail();
      const place = urls[n % 2]?.href ?? "";
      return finished(startProgram(runtime, program, [place, descriptor.digest, `w${n}`, "10"]));
    }));
    assert.deepEqual(done.map(({ code }) => code), [0, 0, 0, 0]);
    const acknowledged = done.flatMap(({ out }) => out.trim().split("\n")).sort();
    const kept = (await layout.references()).map(({ name }) => name).sort();
    assert.deepEqual([acknowledged.length, kept], [40, acknowledged]);
  });
}
