// The peer of the bucket's cases: Amazon's own client, run by the runtime that the executable is made of.
//
//   bun sdk.mjs up FOLDER PREFIX      uploads the files of a folder
//   bun sdk.mjs down PREFIX FOLDER    downloads what lies below a prefix
import { createReadStream, createWriteStream, mkdirSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { pipeline } from "node:stream/promises";

// Installed beside a copy of this file, so that the project need not depend on it.
const installed = (name) => import(name);
const { GetObjectCommand, ListObjectsV2Command, S3Client } = await installed("@aws-sdk/client-s3");
const { Upload } = await installed("@aws-sdk/lib-storage");

const Bucket = "test";
const client = new S3Client({
  endpoint: process.env.BENCH_ENDPOINT,
  region: "us-east-1",
  forcePathStyle: true,
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
});
const [what, from, to] = process.argv.slice(2);
if (what === "up") {
  await Promise.all(
    readdirSync(from).map(async (name) => {
      const Body = createReadStream(join(from, name));
      await new Upload({ client, params: { Bucket, Key: `${to}/${name}`, Body } }).done();
    }),
  );
} else {
  mkdirSync(to, { recursive: true });
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: from }));
  await Promise.all(Contents.map(async ({ Key }) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
    await pipeline(Body, createWriteStream(join(to, basename(Key))));
  }));
}
