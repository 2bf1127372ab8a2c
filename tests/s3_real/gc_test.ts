// What collections promise in every kind of store, in the bucket of a real server, whose deletes are bound to deadlines.
import process from "node:process";
import { after, test } from "node:test";
import { unless } from "../skip.ts";
import { placesIn } from "./places.ts";
import { servers } from "./servers.ts";

// Those that need exact deletes, a trash or a clock that can be hurried along are asked of other stores.
const SUITES = ["collect", "adoption", "foreign_rewrite"];

const server = servers.find(({ conditional }) => conditional);
if (!server) {
  test("collections", unless("no server here can be collected beside writers"), () => {});
} else {
  const places = placesIn(server);
  after(() => places[Symbol.asyncDispose]());
  process.env["STOWAGE_TEST_LAYOUTS_S3"] = places.url("gc").href;
  process.env["AWS_ACCESS_KEY_ID"] = server.accessKey;
  process.env["AWS_SECRET_ACCESS_KEY"] = server.secretKey;
  for (const suite of SUITES) await import(`../gc/${suite}_test.ts`);
}
