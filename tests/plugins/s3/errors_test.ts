import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type ErrorCode, isOciError, systemClock } from "../../../core/mod.ts";
import { s3, type S3Options } from "../../../plugins/s3/mod.ts";
import { blobOf, fails, utf8 } from "../../contract/suite.ts";
import { put } from "../../contract/suite.ts";
import type { Rule } from "../../s3_server/faults.ts";
import type { Changes } from "../../s3_server/switches.ts";
import { credentialsOf, opening, startBucket } from "./buckets.ts";

const bucket = await startBucket();
const { server } = bucket;
after(() => server[Symbol.asyncDispose]());
const { digest } = blobOf(utf8("x"));
const SECRET = "MARKER-that-must-not-show";

/** All that an error says, its causes too. */
function allOf(error: unknown): string {
  const seen: string[] = [];
  for (let now = error; now instanceof Error; now = now.cause) {
    seen.push(now.message, now.stack ?? "", JSON.stringify(now));
  }
  return seen.join("\n");
}

/** Opens a place and stores a blob; what that fails with. */
async function failure(
  address: URL,
  options: S3Options,
  wrong: Changes | Rule = {},
): Promise<Error & { readonly code: ErrorCode; readonly reason?: string }> {
  const before = server.switches;
  if ("fault" in wrong) server.faults.add(wrong);
  else server.change(wrong);
  try {
    const open = s3(options).backends?.["s3"] ?? assert.fail();
    const hurried = { ...systemClock, sleep: (ms: number) => systemClock.sleep(ms / 50) };
    await using backend = await open(address, { ...opening, clock: hurried });
    await put(backend, utf8("x"));
  } catch (error) {
    assert.ok(isOciError(error), String(error));
    assert.ok(!allOf(error).includes(SECRET), "the secret shows");
    assert.ok(!/Signature=|X-Amz-Signature|Authorization/i.test(allOf(error)), "a signature shows");
    return error;
  } finally {
    server.change(before as Changes);
    server.faults.clear();
  }
  return assert.fail("it succeeded");
}

const good = credentialsOf(server);
const keyed = (accessKeyId: string, secretAccessKey = SECRET): S3Options => ({
  credentials: () => Promise.resolve({ accessKeyId, secretAccessKey }),
});
const place = bucket.url("errors/place");
const nowhere = new URL(place.href.replace("//test/", "//no-such-bucket/"));
const unreachable = new URL("s3://test/place?endpoint=http://127.0.0.1:9");
const deny = (prefix: string): Changes => ({ auth: { deny: [{ op: "PutObject", prefix }] } });
const locked: Rule = {
  op: "PutObject",
  key: "*/blobs/*",
  fault: { kind: "status", status: 403, code: "ObjectLocked" },
};
const elsewhere: Changes = { region: { name: "eu-west-1", check: 400, told: false } };

const CASES: Readonly<
  Record<string, readonly [URL, S3Options, Changes | Rule, ErrorCode, string | undefined, RegExp]>
> = {
  "a wrong secret": [place, keyed(server.accessKey), {}, "refused", "secret", /secret key/],
  "an unknown access key": [place, keyed("nobody"), {}, "refused", "access_key", /access key/],
  "a missing bucket": [nowhere, good, {}, "not_found", "bucket", /no such bucket/],
  "a forbidden key": [place, good, deny("errors/place/blobs/"), "refused", "access", /denied/],
  "an object that is locked": [place, good, locked, "refused", "object_lock", /locked/],
  "another region, untold": [place, good, elsewhere, "refused", "region", /not in the region/],
  "a full quota": [place, good, { limits: { quota: 0 } }, "unavailable", "quota", /no room/],
  "a server that is not there": [unreachable, good, {}, "unavailable", undefined, /127.0.0.1:9/],
};

describe("errors of a bucket", () => {
  for (const [name, [address, options, changes, code, reason, words]] of Object.entries(CASES)) {
    it(`${name} is told plainly, with endpoint and bucket, without the secret`, async () => {
      const error = await failure(address, options, changes);
      assert.deepEqual([error.code, error.reason], [code, reason], error.message);
      assert.match(error.message, words);
      const endpoint = address.searchParams.get("endpoint") ?? "";
      assert.ok(error.message.includes(endpoint), error.message);
      assert.ok(error.message.includes(`"${address.host}"`), error.message);
    });
  }

  it("each of them reads differently", async () => {
    const told = new Set<string>();
    for (const [address, options, changes] of Object.values(CASES)) {
      const { message } = await failure(address, options, changes);
      told.add(message.replace(/, request \w+/, "").replace(/"[^"]*"|http:\S+/g, ""));
    }
    assert.equal(told.size, Object.keys(CASES).length, [...told].join("\n"));
  });

  it("a bucket before a host that is a number is an error of usage", async () => {
    await fails(bucket.open(bucket.url("errors/host", "&style=host"), opening), "invalid");
  });

  it("a 404 that is not about the key is no answer: nothing is taken for absent", async () => {
    const backend = await bucket.place();
    const fault = { kind: "status", status: 404, code: "XAdminUserNotFound" } as const;
    server.faults.add({ op: "GetObject", chance: 1, fault });
    await fails(backend.docs.load("index.json"), "refused");
    await fails(backend.blobs.read(digest), "refused");
    server.faults.clear();
    assert.equal(await backend.docs.load("index.json"), undefined);
  });

  for (const check of [400, 301, 307] as const) {
    it(`a region learned from a ${check} is asked once, and then known`, async () => {
      const changes: Changes = { region: { name: "eu-west-1", check } };
      server.change(changes);
      try {
        const backend = await bucket.place();
        await put(backend, utf8("x"));
        const before = server.journal.entries.length;
        assert.equal((await backend.blobs.stat(digest))?.size, 1);
        assert.equal(server.journal.entries.length, before + 1);
      } finally {
        server.change({ region: { name: "us-east-1", check: 400 } });
      }
    });
  }
});
