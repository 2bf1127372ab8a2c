import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { digestOf } from "../../core/mod.ts";
import { noise } from "../contract/suite.ts";
import { runtimes } from "../runtimes.ts";
import { archive, member } from "../plugins/tar/archives.ts";
import { inFolder, type Run, stowage } from "./stowage.ts";
import { fileURLToPath } from "node:url";

/** Runs the program in a folder, to an exit code that is expected. */
async function at(
  cwd: string,
  args: readonly string[],
  code = 0,
  stdin: Uint8Array | string = "",
): Promise<Run> {
  const run = await stowage(args, { cwd, stdin });
  assert.equal(run.code, code, `${args.join(" ")}: ${run.err}`);
  return run;
}

function run(cwd: string, command: string, ...args: readonly string[]): void {
  const done = spawnSync(command, args, { cwd, encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
}

/** A store of two artifacts that share a large file. */
async function filled(cwd: string): Promise<void> {
  writeFileSync(join(cwd, "shared"), noise(5_000_000));
  for (const name of ["v1", "v2"]) {
    writeFileSync(join(cwd, name), noise(300_000, name.length + Number(name.slice(1))));
    await at(cwd, ["push", "--create", "-q", `./store:${name}`, name, "shared"]);
  }
}

test("an archive is a place like any other: made, pushed to, tagged, listed, checked, weighed, pulled", () =>
  inFolder(async (cwd) => {
    await at(cwd, ["init", "a.tar"]);
    writeFileSync(join(cwd, "f"), "hello\n");
    await at(cwd, ["push", "a.tar:v1", "f"]);
    await at(cwd, ["tag", "a.tar:v1", "latest"]);
    assert.deepEqual((await at(cwd, ["list", "-q", "a.tar"])).lines, ["latest", "v1"]);
    await at(cwd, ["check", "a.tar"]);
    await at(cwd, ["du", "a.tar"]);
    await at(cwd, ["inspect", "a.tar:v1"]);
    await at(cwd, ["pull", "a.tar:latest", "-o", "out"]);
    assert.equal(readFileSync(join(cwd, "out/f"), "utf8"), "hello\n");
    await at(cwd, ["untag", "a.tar:latest"]);
    await at(cwd, ["remove", "a.tar:v1"]);
    assert.deepEqual((await at(cwd, ["list", "-q", "a.tar"])).lines, []);
  }));

test("behind a link an archive is changed where it is, and made where the link leads", () =>
  inFolder(async (cwd) => {
    const inside = (path: string) => join(cwd, path);
    mkdirSync(inside("real"));
    symlinkSync("real", inside("folder"));
    symlinkSync("folder/a.tar", inside("a.tar"));
    symlinkSync("ring.tar", inside("ring.tar"));
    writeFileSync(inside("f"), "hello\n");
    await at(cwd, ["push", "--create", "a.tar:v1", "f"]);
    await at(cwd, ["tag", "folder/a.tar:v1", "v2"]);
    assert.ok(lstatSync(inside("a.tar")).isSymbolicLink());
    assert.deepEqual((await at(cwd, ["list", "-q", "real/a.tar"])).lines, ["v1", "v2"]);
    assert.deepEqual(readdirSync(inside("real")).sort(), ["a.tar", "a.tar.stowage"]);
    await at(cwd, ["push", "--create", "ring.tar:v1", "f"], 5);
  }));

test("a stream carries everything in one pass, the same bytes each time and as a new archive", () =>
  inFolder(async (cwd) => {
    await filled(cwd);
    const { bytes } = await at(cwd, ["copy", "--all", "./store", "tar:-"]);
    assert.deepEqual((await at(cwd, ["copy", "--all", "./store", "-"])).bytes, bytes);
    await at(cwd, ["copy", "--all", "./store", "new.tar"]);
    assert.deepEqual(new Uint8Array(readFileSync(join(cwd, "new.tar"))), new Uint8Array(bytes));
    await at(cwd, ["copy", "--create", "--all", "-", "./twin"], 0, bytes);
    await at(cwd, ["check", "./twin"]);
    assert.deepEqual((await at(cwd, ["list", "-q", "-"], 0, bytes)).lines, ["v1", "v2"]);
    await at(cwd, ["copy", "--create", "tar:-#v2", "./one"], 0, bytes);
    assert.deepEqual((await at(cwd, ["list", "-q", "./one"])).lines, ["v2"]);
    await at(cwd, ["copy", "--create", "--all", "-", "./torn"], 3, bytes.slice(0, 3_000_000));
    assert.deepEqual((await at(cwd, ["list", "-q", "./torn"])).lines, []);
  }));

test("a stream may be compressed, or a docker archive; one that is torn or no archive is said so", () =>
  inFolder(async (cwd) => {
    await filled(cwd);
    const { bytes } = await at(cwd, ["copy", "--all", "./store", "-"]);
    for (const packed of [gzipSync(bytes, { level: 1 }), zstdCompressSync(bytes)]) {
      const { lines, err } = await at(cwd, ["list", "-q", "-"], 0, packed);
      assert.deepEqual([lines, err], [["v1", "v2"], ""]);
    }
    const config = '{"rootfs":{"diff_ids":[]}}';
    const docker = archive(
      member({ name: "c.json", body: config }),
      member({
        name: "manifest.json",
        body: '[{"Config":"c.json","RepoTags":["x:v1"],"Layers":[]}]',
      }),
    );
    await at(cwd, ["copy", "--create", "--all", "-", "./docker"], 0, docker);
    assert.equal(
      (await at(cwd, ["inspect", "./docker:v1", "--image-config", "--raw"], 0)).out,
      config,
    );
    assert.match(
      (await at(cwd, ["list", "-"], 65, "hello")).err,
      /it is no tar archive {2}\[invalid\]/,
    );
    for (const broken of [bytes.slice(0, 700), gzipSync(bytes).subarray(0, 1000)]) {
      assert.match((await at(cwd, ["list", "-"], 3, broken)).err, /\[corrupt\]/);
    }
    assert.match((await at(cwd, ["list", "-"], 2, "")).err, /no layout is there/);
  }));

test("of a stream that others have added to the last index counts, as of a file", () =>
  inFolder(async (cwd) => {
    await filled(cwd);
    await at(cwd, ["copy", "./store:v1", "a.tar"]);
    run(cwd, "mkdir", "one", "two");
    run(cwd, "tar", "-xf", "a.tar", "-C", "one");
    const index = readFileSync(join(cwd, "one/index.json"), "utf8");
    writeFileSync(join(cwd, "two/index.json"), index.replace('"v1"', '"v9"'));
    run(
      cwd,
      "tar",
      "--mtime=@1700000000",
      "-cf",
      "b.tar",
      "-C",
      "one",
      "oci-layout",
      "index.json",
      "blobs",
    );
    run(cwd, "tar", "-rf", "b.tar", "-C", join(cwd, "two"), "index.json");
    const piped = await at(cwd, ["list", "-q", "-"], 0, readFileSync(join(cwd, "b.tar")));
    assert.deepEqual(piped.lines, ["v9"]);
    assert.deepEqual((await at(cwd, ["list", "-q", "b.tar"])).lines, ["v9"]);
  }));

test("a compaction lets go what is not used, says so, and makes the same bytes in both runtimes", () =>
  inFolder(async (cwd) => {
    await filled(cwd);
    await at(cwd, ["copy", "./store:v1", "a.tar"]);
    await at(cwd, ["copy", "./store:v2", "a.tar"]);
    await at(cwd, ["untag", "a.tar:v1"]);
    await at(cwd, ["gc", "a.tar", "--grace", "0s", "--max-drop", "100%"]);
    const grown = readFileSync(join(cwd, "a.tar"));
    const results: Uint8Array[] = [];
    for (const { start: [command = "", ...how] } of runtimes) {
      writeFileSync(join(cwd, "a.tar"), grown);
      const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
      const done = spawnSync(command, [...how, cli, "compact", "a.tar"], { cwd, encoding: "utf8" });
      assert.equal(done.status, 0, done.stderr);
      results.push(new Uint8Array(readFileSync(join(cwd, "a.tar"))));
    }
    for (const one of results) assert.deepEqual(one, results[0]);
    assert.ok((results[0]?.length ?? 0) < grown.length - 300_000);
    await at(cwd, ["check", "a.tar"]);
    assert.deepEqual((await at(cwd, ["list", "-q", "a.tar"])).lines, ["v2"]);
    await at(cwd, ["compact", "./store"], 5);
  }));

test("what a collection took from an archive comes back by undo", () =>
  inFolder(async (cwd) => {
    await filled(cwd);
    await at(cwd, ["copy", "--all", "./store", "a.tar"]);
    const policy = {
      schema: "stowage.retention/1",
      grace: "0s",
      maxDrop: "100%",
      rules: [{ refs: ["v1"] }],
    };
    writeFileSync(join(cwd, "r.json"), JSON.stringify(policy));
    await at(cwd, ["gc", "a.tar", "--retention", "r.json"]);
    assert.deepEqual((await at(cwd, ["list", "-q", "a.tar"])).lines, ["v2"]);
    await at(cwd, ["gc", "undo", "a.tar"]);
    assert.deepEqual((await at(cwd, ["list", "-q", "a.tar"])).lines, ["v1", "v2"]);
    await at(cwd, ["check", "a.tar"]);
  }));

test("a bundle leaves out what is known; where the rest is it becomes whole, else check lists what is missing", () =>
  inFolder(async (cwd) => {
    await filled(cwd);
    await at(cwd, ["copy", "--create", "./store:v1", "./far"]);
    await at(cwd, ["copy", "--create", "./store:v1", "known.tar"]);
    const known = await at(cwd, ["list", "--blobs", "-q", "./far"]);
    writeFileSync(join(cwd, "known.txt"), known.out);
    const sizes: number[] = [];
    for (const except of ["./far", "known.tar", "known.txt"]) {
      await at(cwd, ["copy", "--except", except, "./store:v2", "bundle.tar"]);
      const bundle = readFileSync(join(cwd, "bundle.tar"));
      sizes.push(bundle.length);
      assert.ok(bundle.length < 500_000, `${bundle.length} bytes`);
      spawnSync("rm", ["-rf", "bundle.tar", "bundle.tar.stowage"], { cwd });
      writeFileSync(join(cwd, "carried.tar"), bundle);
    }
    assert.equal(new Set(sizes).size, 1);
    // Nothing but the one file crosses the gap.
    assert.equal(existsSync(join(cwd, "carried.tar.stowage")), false);
    assert.match((await at(cwd, ["check", "carried.tar"])).out, /not stored, as may be/);
    await at(cwd, ["copy", "--all", "carried.tar", "./far"]);
    await at(cwd, ["check", "./far"]);
    await at(cwd, ["copy", "--create", "--all", "carried.tar", "./alone"], 2);
    await at(cwd, ["copy", "--create", "--sparse", "--all", "carried.tar", "./alone"]);
    const check = await stowage(["check", "./alone", "--json"], { cwd });
    const shared = JSON.parse((await at(cwd, ["inspect", "./store:v2", "--raw"])).out).layers[1];
    assert.ok(check.out.includes(shared.digest), check.out);
  }));

test("with --docker-compat an archive says what docker load reads, and keeps saying it", () =>
  inFolder(async (cwd) => {
    writeFileSync(join(cwd, "layer"), noise(1000));
    writeFileSync(join(cwd, "config.json"), '{"architecture":"amd64","os":"linux"}');
    const config = "config.json:application/vnd.oci.image.config.v1+json";
    const layer = "layer:application/vnd.oci.image.layer.v1.tar";
    await at(cwd, ["push", "--create", "--image-config", config, "./store#app/x:v1", layer]);
    await at(cwd, ["copy", "--docker-compat", "./store#app/x:v1", "a.tar"]);
    const said = () =>
      JSON.parse(
        spawnSync("tar", ["-xOf", "a.tar", "manifest.json"], { cwd, encoding: "utf8" }).stdout,
      );
    const [image, ...more] = said();
    assert.deepEqual(image.RepoTags, ["app/x:v1"]);
    assert.equal(image.Layers.length, 1);
    assert.equal(more.length, 0);
    await at(cwd, ["tag", "a.tar#app/x:v1", "app/x:v2"]);
    assert.deepEqual(said()[0].RepoTags.sort(), ["app/x:v1", "app/x:v2"]);
    await at(cwd, ["copy", "--docker-compat", "./store#app/x:v1", "./store2"], 64);
  }));

test("check finds the link that stands for a layer, and the packed layer that is not what its config says", () =>
  inFolder(async (cwd) => {
    await filled(cwd);
    await at(cwd, ["copy", "./store:v1", "a.tar"]);
    const { digest } = JSON.parse((await at(cwd, ["inspect", "a.tar:v1", "--raw"])).out).layers[0];
    const name = `blobs/${digest.replace(":", "/")}`;
    const link = member({ name, type: "2", link: "/etc/hostname" });
    writeFileSync(
      join(cwd, "a.tar"),
      archive(readFileSync(join(cwd, "a.tar")).subarray(0, -1024), link),
    );
    const found = await at(cwd, ["check", "a.tar"], 3);
    assert.match(
      found.out,
      new RegExp(`^FAIL  ${digest}  in this archive it is a link.*v1 > layer 1`),
    );
    assert.match(found.out, /^warn {2}Left "blobs\/.*" out: links/m);
    await at(cwd, ["check", "a.tar", "--repair"], 3);
    const piped = await at(cwd, ["check", "-"], 3, readFileSync(join(cwd, "a.tar")));
    assert.match(piped.out, new RegExp(`^FAIL  ${digest}  in this archive it is a link`));
    await at(cwd, ["copy", "--create", "--all", "a.tar", "./twin"], 5);

    const [packed, wanted] = [gzipSync(noise(5000, 1)), digestOf(noise(5000, 2))];
    const config = JSON.stringify({ rootfs: { type: "layers", diff_ids: [wanted] } });
    const image = { Config: "c.json", RepoTags: ["x:v1"], Layers: ["l.tar.gz"] };
    writeFileSync(
      join(cwd, "docker.tar"),
      archive(
        member({ name: "l.tar.gz", body: packed }),
        member({ name: "c.json", body: config }),
        member({ name: "manifest.json", body: JSON.stringify([image]) }),
      ),
    );
    const wrong = await at(cwd, ["check", "docker.tar"], 3);
    assert.match(
      wrong.out,
      /^FAIL .* it holds sha256:\S+, not sha256:\S+ as its config says {2}x:v1 > layer 1/,
    );
    await at(cwd, ["copy", "--create", "--all", "docker.tar", "./twin2"], 3);
    assert.deepEqual((await at(cwd, ["list", "-q", "./twin2"])).lines, []);
  }));
