import { after, test } from "node:test";
import { backendContract } from "../contract/backend.ts";
import { damage, opening, startBucket } from "./s3/buckets.ts";

const { server, open, place } = await startBucket();
after(() => server[Symbol.asyncDispose]());

backendContract("s3", {
  test,
  has: ["adopt", "now", "usage"],
  place,
  reopen: ({ url }) => open(url, opening),
  damage: (backend, digest, bytes) => damage(server, backend, digest, bytes),
});
