import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import type { Descriptor, Layout } from "../../core/mod.ts";
import { blobOf, jsonOf, utf8 } from "../images.ts";
import { blobPath, openFolder, snapshot } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const TITLE = "org.opencontainers.image.title";

/** Pushes an artifact whose files have these titles, any titles at all. */
async function pushTitles(layout: Layout, name: string, files: [string | undefined, string][]) {
  const layers: Descriptor[] = [];
  for (const [title, text] of files) {
    const { descriptor } = await layout.push({ mediaType: "text/plain" }, utf8(text));
    layers.push(
      title === undefined ? descriptor : { ...descriptor, annotations: { [TITLE]: title } },
    );
  }
  const config = blobOf("{}", "application/vnd.oci.empty.v1+json");
  await layout.push(config.descriptor, config.bytes);
  const members = { schemaVersion: 2, mediaType: MANIFEST, config: config.descriptor, layers };
  return await layout.pushManifest(jsonOf(members, MANIFEST).bytes, { ref: name });
}

test("what was pushed is pulled: whole, once, never over other bytes unless told to", () =>
  inFolder(async (cwd) => {
    mkdirSync(join(cwd, "docs"));
    const big = new Uint8Array(5 << 20).map((_, at) => at * 7);
    writeFileSync(join(cwd, "docs/a.txt"), "hello\n");
    writeFileSync(join(cwd, "big.bin"), big);
    const pushed = await stowage(["push", "--create", "./store:v1", "docs/a.txt", "big.bin"], {
      cwd,
    });
    assert.equal(pushed.code, 0, pushed.err);

    const pull = ["pull", "./store:v1", "-o", "out"];
    const first = await stowage(pull, { cwd });
    assert.equal(first.code, 0, first.err);
    assert.deepEqual(first.lines, [join("out", "docs", "a.txt"), join("out", "big.bin")]);
    assert.match(first.err, /^Pulled 2 blobs, 5\.0 MiB; 0 already there, .* s\n$/);
    assert.deepEqual(readFileSync(join(cwd, "out/big.bin")).equals(big), true);
    assert.equal(readFileSync(join(cwd, "out/docs/a.txt"), "utf8"), "hello\n");
    if (process.platform !== "win32") {
      assert.equal(statSync(join(cwd, "out/big.bin")).mode & 0o777, 0o644);
    }

    const before = snapshot(join(cwd, "out"));
    const again = await stowage([...pull, "--json"], { cwd });
    assert.equal(again.code, 0, again.err);
    const { entry, files, tally, ...rest } = again.json<{
      entry: { names: string[]; kind: string };
      files: { path: string; state: string }[];
      tally: Record<string, number>;
    }>();
    assert.deepEqual(rest, { schema: "stowage.pull/1", ok: true, place: "./store" });
    assert.deepEqual([entry.names, entry.kind], [["v1"], "manifest"]);
    assert.deepEqual(files.map(({ state }) => state), ["same", "same"]);
    assert.deepEqual([tally["skipped"], tally["sent"]], [2, 0]);
    assert.deepEqual(snapshot(join(cwd, "out")), before);

    writeFileSync(join(cwd, "out/docs/a.txt"), "mine!\n");
    const kept = await stowage(pull, { cwd });
    assert.equal(kept.code, 4, kept.err);
    assert.match(kept.err, /already_exists/);
    assert.equal(readFileSync(join(cwd, "out/docs/a.txt"), "utf8"), "mine!\n");
    const replaced = await stowage([...pull, "--overwrite"], { cwd });
    assert.equal(replaced.code, 0, replaced.err);
    assert.equal(readFileSync(join(cwd, "out/docs/a.txt"), "utf8"), "hello\n");
    assert.deepEqual(readdirSync(join(cwd, "out")).sort(), ["big.bin", "docs"]);

    const piped = await stowage(["pull", "./store:v1", "--include", "*.txt", "-o", "-"], { cwd });
    assert.deepEqual([piped.code, piped.out], [0, "hello\n"], piped.err);
    const several = await stowage(["pull", "./store:v1", "-o", "-"], { cwd });
    assert.deepEqual([several.code, several.out], [64, ""], several.err);
  }));

test("a hostile title is refused before the first byte is written", () =>
  inFolder(async (cwd) => {
    {
      await using layout = await openFolder(join(cwd, "store"));
      await pushTitles(layout, "up", [["good", "good"], ["../x", "evil"]]);
      await pushTitles(layout, "fold", [["File", "one"], ["file", "two"]]);
      await pushTitles(layout, "link", [["good", "good"], ["away/x", "evil"]]);
    }
    mkdirSync(join(cwd, "elsewhere"));
    const refuses = async (name: string, message: RegExp) => {
      const run = await stowage(["pull", `./store:${name}`, "-o", "out"], { cwd });
      assert.deepEqual([run.code, run.out], [3, ""], run.err);
      assert.match(run.err, message);
      assert.equal(existsSync(join(cwd, "out/good")), false);
      assert.equal(existsSync(join(cwd, "x")), false);
    };
    await refuses(
      "up",
      /^stowage pull: Refuse to write "\.\.\/x": it leaves the target folder {2}\[refused\]$/m,
    );
    await refuses("fold", /"file".*"File"/);
    assert.equal(existsSync(join(cwd, "out")), false);
    mkdirSync(join(cwd, "out"));
    symlinkSync(join(cwd, "elsewhere"), join(cwd, "out/away"));
    await refuses("link", /is a link/);
    assert.deepEqual(readdirSync(join(cwd, "elsewhere")), []);
  }));

test("damaged bytes never become a file; what is left out is told", () =>
  inFolder(async (cwd) => {
    const store = join(cwd, "store");
    let digest = "";
    {
      await using layout = await openFolder(store);
      const { descriptor } = await layout.push({}, utf8("damaged"));
      digest = descriptor.digest;
      await pushTitles(layout, "v1", [["bad", "damaged"], ["good", "good"], [
        undefined,
        "nameless",
      ]]);
      await pushTitles(layout, "v2", [[undefined, "nameless"]]);
    }
    chmodSync(blobPath(store, digest), 0o644);
    writeFileSync(blobPath(store, digest), "Damaged");
    const failed = await stowage(["pull", "./store:v1", "-o", "one"], { cwd });
    assert.deepEqual([failed.code, failed.out], [3, ""], failed.err);
    assert.match(failed.err, /hash to .*\[corrupt\]/);
    assert.equal(existsSync(join(cwd, "one/bad")), false);

    const partly = await stowage(["pull", "./store:v1", "-o", "two", "--keep-going", "--json"], {
      cwd,
    });
    assert.equal(partly.code, 7, partly.err);
    const { ok, files } = partly.json<{ ok: boolean; files: Record<string, unknown>[] }>();
    assert.equal(ok, false);
    assert.deepEqual(files.map(({ path, state, reason }) => [path, state, reason]), [
      [join("two", "bad"), "left out", "corrupt"],
      [join("two", "good"), "written", undefined],
      ["", "left out", "no title"],
    ]);
    assert.deepEqual(readdirSync(join(cwd, "two")), ["good"]);

    const none = await stowage(["pull", "./store:v2", "-o", "three"], { cwd });
    assert.equal(none.code, 2, none.err);
    assert.match(none.err, /--untitled/);
    const untitled = await stowage(["pull", "./store:v2", "-o", "three", "--untitled"], { cwd });
    assert.equal(untitled.code, 0, untitled.err);
    assert.match(readdirSync(join(cwd, "three")).join(), /^sha256-[a-f0-9]{64}$/);
  }));
