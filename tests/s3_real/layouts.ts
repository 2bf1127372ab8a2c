// Tests of layouts, in the bucket of a real server where several may write.
import process from "node:process";
import { after, test } from "node:test";
import { unless } from "../skip.ts";
import { placesIn } from "./places.ts";
import { servers } from "./servers.ts";

/** Has suites of `tests/` run in a bucket; `name` says what they are about. */
export async function inBucket(name: string, suites: readonly string[]): Promise<void> {
  const server = servers.find(({ conditional }) => conditional);
  if (!server) {
    test(name, unless("no server here can be written to by several"), () => {});
    return;
  }
  const places = placesIn(server);
  after(() => places[Symbol.asyncDispose]());
  process.env["STOWAGE_TEST_LAYOUTS_S3"] = places.url(name).href;
  process.env["AWS_ACCESS_KEY_ID"] = server.accessKey;
  process.env["AWS_SECRET_ACCESS_KEY"] = server.secretKey;
  for (const suite of suites) await import(`../${suite}_test.ts`);
}
