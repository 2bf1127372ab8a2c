import { after, test } from "node:test";
import { backendContract } from "../contract/backend.ts";
import type { Test } from "../contract/suite.ts";
import { unless } from "../skip.ts";
import { opening, placesIn } from "./places.ts";
import { servers } from "./servers.ts";

/** What only conditional writes can promise. */
const RACES = [
  "of eight who create a document one does, the others get conflict",
  "eight workers, ten increments each, make eighty",
];

for (const server of servers) {
  const { open, place, damage, ...places } = placesIn(server);
  after(() => places[Symbol.asyncDispose]());
  const { name, version, conditional } = server;
  const why = `${name} has no conditional writes, and is for one writer`;
  const alone: Test = (promise, run) =>
    RACES.some((race) => promise.endsWith(race))
      ? test(promise, unless(why), () => {})
      : test(promise, run);
  backendContract(`s3 on ${name} ${version}`, {
    test: conditional ? test : alone,
    place,
    reopen: async ({ url }) => await open(url, opening),
    damage,
    has: ["adopt", "now", "usage"],
  });
}
