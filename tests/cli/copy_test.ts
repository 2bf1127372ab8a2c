import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf, type Layout } from "../../core/mod.ts";
import { imageOf, indexOf, pushAll, pushImage } from "../images.ts";
import { blobPath, entriesIn, openFolder, snapshot } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";

const ARM = { os: "linux", architecture: "arm64" };
const AMD = { os: "linux", architecture: "amd64" };
const S390 = { os: "linux", architecture: "s390x" };

/** Pushes an index of an image per platform. */
async function pushMulti(layout: Layout, name: string) {
  const children = [];
  for (const platform of [AMD, ARM, S390]) {
    children.push({
      ...await pushImage(layout, `${name} ${platform.architecture}`, { platform }),
      platform,
    });
  }
  const index = indexOf(children);
  await pushAll(layout, index);
  await layout.tag(index.descriptor, name);
  return { index: index.descriptor, children };
}

interface Document {
  readonly copied: { source: string; digest: string; names: string[]; previous?: string }[];
  readonly failed?: { code: string; name: string; message: string }[];
  readonly tally: Readonly<Record<string, number>>;
}

test("all that is copied is there under its names, and nothing is copied twice", () =>
  inFolder(async (cwd) => {
    let digests: string[] = [];
    {
      await using layout = await openFolder(join(cwd, "store"));
      for (const name of ["v1", "v2"]) await layout.tag(await pushImage(layout, name), name);
      digests = (await layout.references()).map(({ descriptor }) => descriptor.digest);
    }
    const [v1, v2] = digests;
    const dry = await stowage(["copy", "--create", "--all", "./store", "./twin", "--dry-run"], {
      cwd,
    });
    assert.equal(dry.code, 0, dry.err);
    assert.equal(existsSync(join(cwd, "twin")), false);
    const first = await stowage(["copy", "--create", "--all", "./store", "./twin"], { cwd });
    assert.equal(first.code, 0, first.err);
    assert.deepEqual(first.lines, [`./twin:v1@${v1}`, `./twin:v2@${v2}`]);
    assert.equal(first.out, dry.out);
    assert.match(first.err, /^Copied 2 references: 6 blobs, .* B; 0 already there, /);
    const blobs = (place: string) => readdirSync(join(cwd, place, "blobs/sha256")).sort();
    assert.deepEqual(blobs("twin"), blobs("store"));

    const before = snapshot(join(cwd, "twin"));
    const more = ["copy", "./store:v1", "./twin:latest", "--tag", "extra", "--json"];
    const rehearsal = await stowage([...more, "--dry-run"], { cwd });
    assert.deepEqual(snapshot(join(cwd, "twin")), before);
    const second = await stowage(more, { cwd });
    assert.equal(second.code, 0, second.err);
    const { tally, ...rest } = second.json<Document>();
    assert.deepEqual(rest, {
      schema: "stowage.copy/1",
      ok: true,
      place: "./twin",
      copied: [{ source: `./store@${v1}`, digest: v1, names: ["latest", "extra"] }],
    });
    assert.deepEqual(rehearsal.json<Document>().copied, rest.copied);
    assert.deepEqual([tally["sent"], tally["adopted"], tally["skipped"]], [0, 0, tally["blobs"]]);
    assert.deepEqual(entriesIn(join(cwd, "twin")).map(({ name }) => name), [
      "v1",
      "v2",
      "latest",
      "extra",
    ]);
    const moved = await stowage(["copy", "./store:v2", "./twin:latest", "--json"], { cwd });
    assert.equal(moved.json<Document>().copied[0]?.previous, v1);
  }));

test("what is meant is named: one entry, several, some of all; else nothing is copied", () =>
  inFolder(async (cwd) => {
    let [v1, other]: string[] = [];
    {
      await using layout = await openFolder(join(cwd, "a"));
      v1 = (await pushImage(layout, "v1")).digest;
      await layout.tag(v1, ["v1", "release-1"]);
      await layout.tag(await pushImage(layout, "v2"), "v2");
      await using more = await openFolder(join(cwd, "b"));
      other = (await pushImage(more, "other")).digest;
      await more.tag(other, ["v1", "only"]);
    }
    const refuses = async (code: number, message: RegExp, ...args: string[]) => {
      const run = await stowage(["copy", "--create", ...args], { cwd });
      assert.deepEqual([run.code, run.out], [code, ""], run.err);
      assert.match(run.err, message);
    };
    await refuses(2, /"v1".*"v2"/, "./a", "./to");
    await refuses(64, /"v1" out of two places/, "./a:v1", "./b:v1", "./to");
    await refuses(64, /the same name/, "./a:v1", "./a:v2", "./to:x");
    await refuses(2, /no such reference/, "./a:v9", "./to");
    assert.equal(existsSync(join(cwd, "to")), false);

    const several = await stowage(["copy", "--create", "./a:v1", "./b:only", "./a:v2", "./to"], {
      cwd,
    });
    assert.equal(several.code, 0, several.err);
    assert.deepEqual(entriesIn(join(cwd, "to")).map(({ name }) => name), ["v1", "v2", "only"]);
    const only = await stowage(["copy", "--create", "./b", "./one"], { cwd });
    assert.deepEqual(only.lines, [`./one:only@${other}`, `./one:v1@${other}`], only.err);
    const some = await stowage(
      ["copy", "--create", "--all", "--include", "*1", "--exclude", "rel*", "./a", "./some"],
      { cwd },
    );
    assert.deepEqual(some.lines, [`./some:v1@${v1}`], some.err);
    const bare = await stowage(["copy", "--create", `./a@${v1}`, "./bare"], { cwd });
    assert.deepEqual(bare.lines, [`./bare@${v1}`], bare.err);
  }));

test("platforms are chosen, referrers come along, and what the other side has stays here", () =>
  inFolder(async (cwd) => {
    const from = join(cwd, "multi");
    let digests: string[] = [];
    let [index, signature]: string[] = [];
    {
      await using layout = await openFolder(from);
      const multi = await pushMulti(layout, "v1");
      index = multi.index.digest;
      digests = multi.children.map(({ digest }) => digest);
      const subject = { ...multi.index, annotations: undefined };
      const image = imageOf("signature", { subject: JSON.parse(JSON.stringify(subject)) });
      await pushAll(layout, image.config, image.layer);
      await layout.pushManifest(image.bytes);
      signature = image.descriptor.digest;
    }
    const [amd = "", arm = ""] = digests;
    const copy = async (...args: string[]) => {
      const run = await stowage(["copy", "--create", ...args], { cwd });
      assert.equal(run.code, 0, run.err);
      return run.lines;
    };
    const has = (place: string, digest: string) => existsSync(blobPath(join(cwd, place), digest));

    assert.deepEqual(await copy("--platform", "linux/arm64", "./multi:v1", "./arm"), [
      `./arm:v1@${arm}`,
    ]);
    const two = ["--platform", "linux/arm64", "--platform", "linux/amd64"];
    const [pinned = ""] = await copy(...two, "./multi:v1", "./two");
    const chosen = JSON.parse(
      readFileSync(blobPath(join(cwd, "two"), pinned.split("@")[1] ?? ""), "utf8"),
    );
    assert.deepEqual(chosen.manifests.map(({ digest }: { digest: string }) => digest), [
      amd,
      arm,
    ]);
    assert.deepEqual(
      await copy("--sparse", "--platform", "linux/arm64", "./multi:v1", "./thin"),
      [
        `./thin:v1@${index}`,
      ],
    );
    assert.deepEqual([amd, arm].map((digest) => has("thin", digest)), [false, true]);

    assert.deepEqual(await copy("--referrers", "./multi:v1", "./signed"), [
      `./signed:v1@${index}`,
    ]);
    assert.deepEqual(entriesIn(join(cwd, "signed")).at(-1), {
      name: undefined,
      digest: signature,
    });
    assert.equal(has("two", signature ?? ""), false);

    const known = readdirSync(join(cwd, "arm/blobs/sha256")).map((hex) => `sha256:${hex}`);
    writeFileSync(join(cwd, "known.txt"), known.map((digest) => `${digest}\n`).join(""));
    for (const [place, except] of [["rest", "known.txt"], ["more", "./arm"]] as const) {
      await copy("--except", except, "./multi:v1", `./${place}`);
      assert.deepEqual([amd, arm].map((digest) => has(place, digest)), [true, true]);
      assert.deepEqual(known.filter((digest) => has(place, digest)), [arm]);
    }
  }));

test("after a failure the rest is copied if told to; damaged copies are made good", () =>
  inFolder(async (cwd) => {
    let layer = "";
    {
      await using layout = await openFolder(join(cwd, "store"));
      for (const name of ["a", "b", "c"]) await layout.tag(await pushImage(layout, name), name);
      layer = imageOf("b").layer.descriptor.digest;
    }
    const whole = await stowage(["copy", "--create", "--all", "./store", "./good"], { cwd });
    assert.equal(whole.code, 0, whole.err);
    const path = blobPath(join(cwd, "store"), layer);
    const right = readFileSync(path);
    // Not through the file itself: both layouts may share it.
    const { unlinkSync } = await import("node:fs");
    unlinkSync(path);
    const failed = await stowage(["copy", "--create", "--all", "./store", "./none"], { cwd });
    assert.deepEqual([failed.code, failed.out], [2, ""], failed.err);
    assert.deepEqual(entriesIn(join(cwd, "none")), []);
    const partly = await stowage(
      ["copy", "--all", "--keep-going", "./store", "./none", "--json"],
      {
        cwd,
      },
    );
    assert.equal(partly.code, 7, partly.err);
    const document = partly.json<Document & { ok: boolean }>();
    assert.equal(document.ok, false);
    assert.deepEqual(document.copied.map(({ names }) => names), [["a"], ["c"]]);
    assert.deepEqual(document.failed?.map(({ name, code }) => [name, code]), [[
      "b",
      "not_found",
    ]]);

    const copy = blobPath(join(cwd, "good"), layer);
    unlinkSync(copy);
    writeFileSync(copy, right.map((byte) => byte ^ 1));
    writeFileSync(path, right);
    chmodSync(path, 0o444);
    const deep = await stowage(["copy", "--deep", "./store:b", "./good", "--json"], { cwd });
    assert.equal(deep.code, 0, deep.err);
    assert.equal(digestOf(readFileSync(copy)), layer);
  }));
