import process from "node:process";
import { after, describe, it } from "node:test";
import { startBucket } from "./buckets.ts";
import { everything, FAULTS, PATIENCE, ruleOf, suffer } from "./suffering.ts";

const full = process.env["STOWAGE_TEST_S3"] === "all";
const { server, open, url } = await startBucket({}, { patience: PATIENCE });
after(() => server[Symbol.asyncDispose]());
const place = { open, url: (name: string) => url(name), faults: server.faults };

describe("two writers of a bucket that fails one request in five", () => {
  for (const [at, [name, fault]] of Object.entries(FAULTS).entries()) {
    it(`${name}: no tag is lost, no success false, no conflict invented`, async () => {
      await suffer(place, [ruleOf(fault, 0.2, at + 7)], full ? 120 : 16);
    });
  }

  it("all of it at once", () => suffer(place, everything(), full ? 2_000 : 60));
});
