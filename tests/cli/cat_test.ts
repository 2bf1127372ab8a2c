import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { indexOf, pushAll, pushImage, utf8 } from "../images.ts";
import { blobPath, openFolder } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";

test("manifests and blobs come out byte for byte, whole or in part", () =>
  inFolder(async (cwd) => {
    const store = join(cwd, "store");
    const bytes = new Uint8Array(3 << 20).map((_, at) => at * 31);
    const arm = { os: "linux", architecture: "arm64" };
    let [digest, child, index]: string[] = [];
    {
      await using layout = await openFolder(store);
      digest = (await layout.push({}, bytes)).descriptor.digest;
      const image = await pushImage(layout, "arm", { platform: arm });
      const multi = indexOf([{ ...image, platform: arm }]);
      await pushAll(layout, multi);
      await layout.tag(multi.descriptor, "v1");
      [child, index] = [image.digest, multi.descriptor.digest];
    }
    const cat = async (...args: string[]) => {
      const run = await stowage(["cat", ...args], { cwd });
      assert.equal(run.code, 0, run.err);
      return run.bytes;
    };
    const blob = `./store@${digest}`;
    assert.equal(
      (await cat("./store:v1")).toString(),
      readFileSync(blobPath(store, index ?? ""), "utf8"),
    );
    assert.equal(
      (await cat("./store:v1", "--platform", "linux/arm64")).toString(),
      readFileSync(blobPath(store, child ?? ""), "utf8"),
    );
    assert.deepEqual(new Uint8Array(await cat(blob)), bytes);
    assert.deepEqual(new Uint8Array(await cat(blob, "--range", "0-511")), bytes.slice(0, 512));
    assert.deepEqual(new Uint8Array(await cat(blob, "--range=-100")), bytes.slice(-100));
    const wrong = await stowage(["cat", blob, "--range", "9-1"], { cwd });
    assert.equal(wrong.code, 64, wrong.err);
  }));

test("damaged bytes fail before the last of them is written", () =>
  inFolder(async (cwd) => {
    const store = join(cwd, "store");
    let digest = "";
    {
      await using layout = await openFolder(store);
      digest = (await layout.push({}, utf8("right"))).descriptor.digest;
    }
    chmodSync(blobPath(store, digest), 0o644);
    writeFileSync(blobPath(store, digest), "wrong");
    const run = await stowage(["cat", `./store@${digest}`], { cwd });
    assert.deepEqual([run.code, run.out], [3, ""], run.err);
    const absent = await stowage(["cat", "./store:v9"], { cwd });
    assert.equal(absent.code, 2, absent.err);
    const json = await stowage(["cat", `./store@${digest}`, "--json"], { cwd });
    assert.equal(json.code, 64, json.err);
  }));
