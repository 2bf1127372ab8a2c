import process from "node:process";
import { after, test } from "node:test";
import { backendContract } from "../../contract/backend.ts";
import { unless } from "../../skip.ts";
import { damage, opening, startBucket } from "./buckets.ts";

/** Servers that answer as others than Amazon's do. Where conditions are not to be had, one writer is promised. */
const KINDS = [
  ["rgw16", ""],
  ["minio", ""],
  ["swift", "&writers=1"],
  ["b2", "&writers=1"],
] as const;

const all = process.env["STOWAGE_TEST_S3"] === "all";

for (const [personality, query] of KINDS) {
  const name = `s3, as ${personality}`;
  if (!all) {
    const reason = "STOWAGE_TEST_S3=all is not set: the contract runs as Amazon answers";
    test(name, unless(reason), () => {});
    continue;
  }
  const { server, open, place } = await startBucket({ personality }, {}, query);
  after(() => server[Symbol.asyncDispose]());
  backendContract(name, {
    test,
    has: ["adopt", "now", "usage"],
    place,
    reopen: ({ url }) => open(url, opening),
    damage: (backend, digest, bytes) => damage(server, backend, digest, bytes),
  });
}
