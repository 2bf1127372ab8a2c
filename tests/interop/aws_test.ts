import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { openLayout } from "../../mod.ts";
import { noise } from "../contract/suite.ts";
import { runtimes, startProgram } from "../runtimes.ts";
import { needing, run, scratch } from "./tools.ts";

/** Runs `body` beside a test server of its own process, which AWS's command line is told of. */
async function withServer(
  body: (url: string, aws: (...args: string[]) => string) => Promise<void>,
): Promise<void> {
  const [runtime] = runtimes;
  const child = startProgram(
    runtime ?? assert.fail(),
    new URL("../s3_server/main.ts", import.meta.url),
    [],
  );
  try {
    const [line] = await once(child.stdout ?? assert.fail(), "data");
    const url = String(line).trim();
    process.env["AWS_ACCESS_KEY_ID"] = "test";
    process.env["AWS_SECRET_ACCESS_KEY"] = "testtest";
    process.env["AWS_DEFAULT_REGION"] = "us-east-1";
    process.env["AWS_EC2_METADATA_DISABLED"] = "true";
    await body(url, (...args) => run("aws", ["--endpoint-url", url, ...args]));
  } finally {
    child.kill();
    await once(child, "close");
  }
}

needing(
  ["aws"],
  "aws s3 sync turns a bucket into a directory layout, and a directory into a bucket",
  () =>
    withServer(async (url, aws) => {
      const folder = await scratch();
      const bytes = noise(20 << 20);
      const first = new URL(`s3://test/first?endpoint=${url}`);
      {
        await using layout = await openLayout(first, { mode: "create" });
        const { descriptor } = await layout.push({ mediaType: "application/octet-stream" }, bytes);
        await layout.tag(descriptor.digest, "v1");
      }
      const down = join(folder, "down");
      aws("s3", "sync", "s3://test/first", down);
      aws("s3", "sync", down, "s3://test/second");
      for (const place of [down, new URL(`s3://test/second?endpoint=${url}`)]) {
        await using layout = await openLayout(place, { mode: "write" });
        assert.deepEqual(await layout.fetchAll("v1", { limit: Infinity }), bytes);
        await layout.tag("v1", "v2");
      }
    }),
);

needing(
  ["aws"],
  "the test server is an S3 to AWS's command line: parts, copies, checksums, versions",
  () =>
    withServer(async (_, aws) => {
      const folder = await scratch();
      const [big, back] = [join(folder, "big"), join(folder, "back")];
      await writeFile(big, noise(20 << 20));
      const api = (command: string, ...args: string[]) =>
        JSON.parse(aws("s3api", command, "--bucket", "test", ...args) || "{}");
      api("put-bucket-versioning", "--versioning-configuration", "Status=Enabled");
      aws("s3", "cp", big, "s3://test/a b+ü/c");
      aws("s3", "mv", "s3://test/a b+ü/c", "s3://test/copy");
      aws("s3", "cp", "s3://test/copy", back);
      assert.deepEqual(await readFile(back), await readFile(big));
      api("put-object", "--key", "sum", "--body", big, "--checksum-algorithm", "SHA256");
      const head = api("head-object", "--key", "sum", "--checksum-mode", "ENABLED");
      assert.equal(
        head.ChecksumSHA256,
        createHash("sha256").update(noise(20 << 20)).digest("base64"),
      );
      const versions = api("list-object-versions");
      const keys = (list: { Key: string }[]) => list.map(({ Key }) => Key);
      assert.deepEqual(keys(versions.Versions), ["a b+ü/c", "copy", "sum"]);
      assert.deepEqual(keys(versions.DeleteMarkers), ["a b+ü/c"]);
    }),
);
