import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { digestOf, type IngestStatus } from "../../core/mod.ts";
import { blobOf, jsonOf } from "../images.ts";
import { runtimes } from "../runtimes.ts";
import { unless } from "../skip.ts";
import { entriesIn, openFolder } from "./layout.ts";
import { ended, inFolder, kill, stowage } from "./stowage.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const BIG = 24 << 20;

/** Starts the program of a third party that has a far place. */
function startFar(cwd: string, ...args: string[]): ChildProcess {
  const [program = "", ...before] = runtimes[0]?.start ?? [];
  const far = fileURLToPath(new URL("far_program.ts", import.meta.url));
  return spawn(program, [...before, far, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
}

/** A layout with one artifact of one large file. */
async function bigStore(path: string): Promise<string> {
  await using layout = await openFolder(path);
  const bytes = new Uint8Array(BIG).map((_, at) => at * 31 >> 3);
  const { descriptor: layer } = await layout.push({}, bytes);
  const config = blobOf("{}");
  await layout.push(config.descriptor, config.bytes);
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: config.descriptor,
    layers: [layer],
  };
  await layout.pushManifest(jsonOf(manifest, MANIFEST).bytes, { ref: "v1" });
  return digestOf(bytes);
}

/** Waits until a write of the layout has come so far. */
async function reached(path: string, offset: number): Promise<IngestStatus> {
  for (let tries = 0; tries < 600; tries++) {
    await using layout = await openFolder(path);
    const found = (await layout.statuses()).find((status) => status.offset >= offset);
    if (found) return found;
    await sleep(50);
  }
  throw new Error("the copy did not come that far");
}

test("a copy that is killed is gone on with, and one that is interrupted says so", {
  timeout: 120_000,
}, () =>
  inFolder(async (cwd) => {
    const digest = await bigStore(join(cwd, "store"));
    const [store, target] = [`far://${join(cwd, "store")}`, join(cwd, "target")];
    await stowage(["init", target]);
    const slow = ["copy", "--rate", "8MiB/s", `${store}:v1`, target];

    const killed = startFar(cwd, ...slow);
    const status = await reached(target, 4 << 20);
    kill(killed, "SIGKILL");
    await ended(killed);
    assert.equal(status.ref, `copy/${digest}`);
    assert.equal(status.total, BIG);

    const stopped = startFar(cwd, ...slow);
    const running = ended(stopped);
    const later = await reached(target, 9 << 20);
    kill(stopped, "SIGINT");
    const { code, err, out } = await running;
    assert.deepEqual([code, out], [130, ""], err);
    assert.match(err, /kept .*MiB of 1 blob; run the same command again/);
    assert.deepEqual(entriesIn(target), []);

    const last = await ended(startFar(cwd, "copy", `${store}:v1`, target, "--json"));
    assert.equal(last.code, 0, last.err);
    const { tally } = last.json<{ tally: Readonly<Record<string, number>> }>();
    assert.equal(tally["resumed"], 1);
    assert.ok(
      (tally["sentBytes"] ?? BIG) <= BIG - later.offset + (1 << 10),
      JSON.stringify(tally),
    );
    assert.deepEqual(entriesIn(target).map(({ name }) => name), ["v1"]);
    await using layout = await openFolder(target);
    assert.deepEqual(await layout.statuses(), []);
    const stream = await layout.fetch(digestOf(new Uint8Array(BIG).map((_, at) => at * 31 >> 3)));
    let size = 0;
    for await (const chunk of stream) size += chunk.length;
    assert.equal(size, BIG);
  }));

test("who is stopped while a pipe waits for its writer ends all the same", {
  timeout: 60_000,
  ...unless(process.platform === "win32" && "Windows has no named pipes in folders"),
}, () =>
  inFolder(async (cwd) => {
    execFileSync("mkfifo", [join(cwd, "pipe")]);
    const run = await stowage(["push", "--create", "s:v1", "pipe", "--timeout", "1s"], { cwd });
    assert.equal(run.code, 124, run.err);
    assert.match(run.err, /its time is up: nothing is half-written/);
  }));
