import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Buffer } from "node:buffer";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../core/basics.ts";
import { have } from "../interop/tools.ts";
import { spawnSync } from "node:child_process";
import { type S3Server, start, type StartOptions } from "../s3_server/server.ts";
import { inFolder, type Run, stowage } from "./stowage.ts";

interface Told {
  readonly cwd: string;
  readonly server: S3Server;
  /** A place, or a reference in it. */
  at(path: string, name?: string): string;
  /** Runs the program with the server's key, to success. */
  must(...args: string[]): Promise<Run>;
  /** Runs it to whatever end. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Run>;
}

async function withBucket(
  body: (told: Told) => Promise<void>,
  options: StartOptions = {},
): Promise<void> {
  await inFolder(async (cwd) => {
    await using server = await start(options);
    const keys = {
      AWS_ACCESS_KEY_ID: server.accessKey,
      AWS_SECRET_ACCESS_KEY: server.secretKey,
      AWS_EC2_METADATA_DISABLED: "true",
    };
    const run: Told["run"] = (args, env = {}) => stowage(args, { cwd, env: { ...keys, ...env } });
    const at = (path: string, name?: string) =>
      `s3://test/${path}?endpoint=${server.url}${name === undefined ? "" : `#${name}`}`;
    const must = async (...args: string[]) => {
      const done = await run(args);
      assert.equal(done.code, 0, `${args.join(" ")}: ${done.err}`);
      return done;
    };
    writeFileSync(join(cwd, "small"), "hello");
    writeFileSync(join(cwd, "large"), new Uint8Array(9 << 20).fill(7));
    await body({ cwd, server, at, must, run });
  });
}

/** Writes what is under a prefix into a folder, as any program that syncs does. */
function sync({ store }: S3Server, prefix: string, folder: string): void {
  for (const [key, { versions }] of store.buckets.get("test")?.keys ?? []) {
    const object = versions.at(-1)?.object;
    if (!object || !key.startsWith(`${prefix}/`)) continue;
    const path = join(folder, key.slice(prefix.length + 1));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, Buffer.concat(object.content.chunks as Uint8Array[]));
  }
}

const files = (folder: string) =>
  readdirSync(join(folder, "blobs", "sha256")).sort().map((name) => [
    name,
    readFileSync(join(folder, "blobs", "sha256", name), "latin1"),
  ]);

test("a bucket is pushed to, tagged, listed, pulled from, checked and collected", () =>
  withBucket(async ({ cwd, at, must }) => {
    const place = at("team/app");
    await must("init", place);
    await must("push", at("team/app", "v1"), "small", "large");
    await must("tag", at("team/app", "v1"), "latest");
    assert.deepEqual(
      (await must("list", place)).lines.map((line) => line.split(" ")[0]),
      ["latest", "v1"],
    );
    await must("pull", at("team/app", "latest"), "-o", "out");
    for (const name of ["small", "large"]) {
      assert.deepEqual(readFileSync(join(cwd, "out", name)), readFileSync(join(cwd, name)));
    }
    await must("check", place);
    const told = await must("list", place, "--stats");
    assert.match(told.err, /^s3:.*: 2 requests \(2 GetObject\), .* received, about \$0\.00000\d/m);
    await must("untag", at("team/app", "v1"), at("team/app", "latest"));
    // A bucket tells times in seconds: what was stored in this one is too young to be judged.
    await systemClock.sleep(2_000);
    const { out } = await must("gc", place, "--exclusive", "--max-drop", "100%");
    assert.match(out, /deleted +4 blobs/);
  }));

test("a file is sent to a bucket in one request, and not at all if it is there", () =>
  withBucket(async ({ at, must, server }) => {
    await must("init", at("team/app"));
    for (const requests of [1, 0]) {
      const after = server.journal.entries.at(-1)?.number ?? 0;
      await must("push", at("team/app", "v1"), "large");
      const tally = server.journal.tally({ after, key: "team/app/blobs/*" });
      assert.deepEqual([tally.UploadPart, tally.CopyObject], [undefined, undefined]);
      const large = server.journal.find({ op: "PutObject", after })
        .filter(({ received }) => received === 9 << 20);
      assert.equal(large.length, requests);
    }
  }));

test("a layout in a bucket, synced to a folder, is the layout that copy makes, to the byte", () =>
  withBucket(async ({ cwd, server, at, must }) => {
    await must("init", at("one"));
    await must("push", at("one", "v1"), "small", "large");
    await must("copy", "--create", at("one", "v1"), "./copied:v1");
    const [synced, copied] = [join(cwd, "synced"), join(cwd, "copied")];
    sync(server, "one", synced);
    assert.deepEqual(files(synced), files(copied));
    for (const folder of [synced, copied]) {
      assert.equal(
        readFileSync(join(folder, "oci-layout"), "utf8"),
        '{"imageLayoutVersion":"1.0.0"}',
      );
    }
    // When each was named, and by whom, is not the same.
    const entries = (folder: string) => {
      const text = readFileSync(join(folder, "index.json"), "utf8");
      return JSON.stringify(JSON.parse(text).manifests).replace(
        /"dev.stowage.tagged":"[^"]*"/g,
        "",
      );
    };
    assert.equal(entries(synced), entries(copied));
    if (!have("skopeo")) return;
    const { status, stdout, stderr } = spawnSync("skopeo", [
      "inspect",
      "--raw",
      `oci:${synced}:v1`,
    ], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    assert.equal(JSON.parse(stdout).layers.length, 2);
  }));

test("from place to place of one store no byte passes through here", () =>
  withBucket(async ({ server, at, must }) => {
    await must("init", at("from"));
    await must("push", at("from", "v1"), "small", "large");
    const after = server.journal.entries.length;
    const { err } = await must("copy", "--create", at("from", "v1"), at("to", "v1"));
    assert.match(err, /3 linked|4 linked/);
    const { CopyObject = 0, UploadPart = 0 } = server.journal.tally({ after });
    assert.ok(CopyObject >= 3, `${CopyObject} copies`);
    assert.equal(UploadPart, 0);
    await must("check", at("to"));
  }));

test("the doctor prints a row for each thing it tried, and the tier", () =>
  withBucket(async ({ at, run }) => {
    const { code, out, lines } = await run(["doctor", at("sick")]);
    assert.equal(code, 0, out);
    assert.ok(lines.includes("tier  full"), out);
    assert.match(out, /^ok +8 creators: one wins +1 of 8 won$/m);
  }));

test("a bucket that ignores conditions is not written to, but by one writer who promises to be alone", () =>
  withBucket(async ({ server, at, must, run }) => {
    const refused = await run(["init", at("weak")]);
    assert.equal(refused.code, 5);
    assert.match(refused.err, /Cannot write to s3:\/\/weak|Cannot write to s3:/);
    assert.match(refused.err, /writers=1/);
    const { code, out } = await run(["doctor", at("weak")]);
    assert.equal(code, 3);
    assert.match(out, /^FAIL +create if absent +200, 200$/m);
    const alone = `s3://test/weak?endpoint=${server.url}&writers=1`;
    await must("init", alone);
    await must("push", `${alone}#v1`, "small");
    const beside = await run(["gc", alone]);
    assert.equal(beside.code, 5);
    assert.match(beside.err, /--exclusive/);
    await must("gc", alone, "--exclusive");
  }, { personality: "lies" }));

test("neither the secret nor a signature shows, however much is told", () =>
  withBucket(async ({ at, run }) => {
    const env = { AWS_SECRET_ACCESS_KEY: "MARKER" };
    const { code, out, err } = await run(["list", at("any"), "-vv", "--stats"], env);
    assert.equal(code, 3);
    assert.match(err, /secret key does not belong/);
    assert.ok(!/MARKER|Signature=/.test(out + err), err);
  }));
