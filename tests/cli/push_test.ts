import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "../../core/mod.ts";
import { blobJson, blobPath, entriesIn, snapshot } from "./layout.ts";
import { inFolder, stowage } from "./stowage.ts";

const EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

test("files become what oras makes of them, and the same files the same digest", () =>
  inFolder(async (cwd) => {
    mkdirSync(join(cwd, "docs"));
    writeFileSync(join(cwd, "docs/a.txt"), "hello\n");
    writeFileSync(join(cwd, "b.bin"), new Uint8Array(3 << 20).fill(7));
    const args = [
      "./docs/../docs/a.txt:text/plain",
      "b.bin",
      "--artifact-type",
      "application/x-t",
    ];
    const first = await stowage(["push", "--create", "./store:v1", ...args], { cwd });
    assert.equal(first.code, 0, first.err);
    assert.match(first.out, /^\.\/store:v1@sha256:[a-f0-9]{64}\n$/);
    assert.match(first.err, /^Pushed 1 reference: 4 blobs, 3\.0 MiB; 0 already there, .* s\n$/);
    const digest = first.out.trim().split("@")[1] ?? "";
    const [a, b] = ["docs/a.txt", "b.bin"].map((path) => digestOf(readFileSync(join(cwd, path))));
    assert.equal(
      readFileSync(blobPath(join(cwd, "store"), digest), "utf8"),
      `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
        `"artifactType":"application/x-t","config":{"mediaType":"application/vnd.oci.empty.v1+json",` +
        `"digest":"${EMPTY}","size":2,"data":"e30="},"layers":[` +
        `{"mediaType":"text/plain","digest":"${a}","size":6,"annotations":` +
        `{"org.opencontainers.image.title":"docs/a.txt"}},` +
        `{"mediaType":"application/octet-stream","digest":"${b}","size":3145728,"annotations":` +
        `{"org.opencontainers.image.title":"b.bin"}}]}`,
    );
    assert.equal(readFileSync(blobPath(join(cwd, "store"), EMPTY), "utf8"), "{}");

    writeFileSync(join(cwd, "hi.txt"), "hi\n");
    writeFileSync(join(cwd, "x.json"), "x\n");
    const like = await stowage([
      ...["push", "./store:o", "hi.txt:text/plain", join(cwd, "x.json:text/plain")],
      ...["--artifact-type", "application/vnd.test", "--created", "2026-11-22T05:01:12Z"],
    ], { cwd });
    // As oras-go 2 gave it to the same files at that time.
    const theirs = "b4678eeacf2b4a8b235a8f4db556b2a2b37dec92ee35e37d32cce8a9e4830199";
    assert.equal(like.out, `./store:o@sha256:${theirs}\n`, like.err);

    const again = await stowage(
      ["push", "./store", ...args, "--json", "--tag", "x", "--tag", "y"],
      {
        cwd,
      },
    );
    assert.equal(again.code, 0, again.err);
    const { tally, ...rest } = again.json<{ tally: Record<string, number> }>();
    assert.deepEqual(rest, {
      schema: "stowage.push/1",
      ok: true,
      place: "./store",
      entry: {
        ...(rest as unknown as { entry: Record<string, unknown> }).entry,
        digest,
        kind: "manifest",
        names: ["x", "y"],
        artifactType: "application/x-t",
      },
      files: [
        { title: "docs/a.txt", digest: a, size: 6, mediaType: "text/plain", state: "skipped" },
        {
          title: "b.bin",
          digest: b,
          size: 3 << 20,
          mediaType: "application/octet-stream",
          state: "skipped",
        },
      ],
    });
    assert.equal(tally["blobs"], 4);
    assert.equal(tally["sent"], 0);
    assert.equal(tally["skipped"], 4);
    assert.deepEqual(
      entriesIn(join(cwd, "store")),
      ["v1", "o", "x", "y"].map((name) => ({
        name,
        digest: name === "o" ? `sha256:${theirs}` : digest,
      })),
    );
  }));

test("an argument is the file of that name, else a file and its type, else nothing is pushed", () =>
  inFolder(async (cwd) => {
    writeFileSync(join(cwd, "ab:text"), "colon");
    mkdirSync(join(cwd, "sub"));
    writeFileSync(join(cwd, "up.txt"), "up");
    const args = [
      "push",
      "--create",
      "../store:v1",
      "../ab:text",
      "../up.txt:text/plain",
      "-:text/css",
    ];
    const done = await stowage([...args, "--name", "in.css", "--json"], {
      cwd: join(cwd, "sub"),
      stdin: "body {}",
    });
    assert.equal(done.code, 0, done.err);
    const { files } = done.json<{ files: { title: string; mediaType: string }[] }>();
    assert.deepEqual(files.map(({ title, mediaType }) => [title, mediaType]), [
      ["ab:text", "application/octet-stream"],
      ["up.txt", "text/plain"],
      ["in.css", "text/css"],
    ]);

    const before = snapshot(join(cwd, "store"));
    const wrong: [string[], number, RegExp][] = [
      [["sub"], 64, /it is a folder.*\n.*tar c 'sub' \| stowage push .*--name 'sub.tar'/],
      [["missing:text/plain"], 2, /Cannot push "missing": there is no such file/],
      [["up.txt:plain"], 64, /Cannot read "plain" as a media type/],
      [["-"], 64, /give it a title with "--name"/],
      [["up.txt", "./up.txt"], 64, /take them for one/],
    ];
    for (const [files, code, message] of wrong) {
      const { err, out, ...run } = await stowage(["push", "./store:v1", ...files], { cwd });
      assert.equal(run.code, code, err);
      assert.match(err, message);
      assert.equal(out, "");
    }
    assert.deepEqual(snapshot(join(cwd, "store")), before);
  }));

test("a dry run says the same and writes nothing", () =>
  inFolder(async (cwd) => {
    writeFileSync(join(cwd, "a"), "a");
    const push = ["push", "--create", "./store:v1", "a"];
    const dry = await stowage([...push, "--dry-run"], { cwd });
    assert.equal(dry.code, 0, dry.err);
    assert.equal(existsSync(join(cwd, "store")), false);
    const real = await stowage(push, { cwd });
    assert.equal(dry.out, real.out);
    assert.match(dry.err, /^Would have pushed 1 reference: /m);
    assert.match(real.err, /^Pushed 1 reference: /m);
    const before = snapshot(join(cwd, "store"));
    const other = await stowage(["push", "./store:v1", "a", "--annotation", "k=v", "--dry-run"], {
      cwd,
    });
    assert.equal(other.code, 0, other.err);
    assert.notEqual(other.out, real.out);
    assert.deepEqual(snapshot(join(cwd, "store")), before);
  }));

test("annotations, a time, a config and a subject are what was asked for", () =>
  inFolder(async (cwd) => {
    writeFileSync(join(cwd, "a"), "a");
    writeFileSync(join(cwd, "config.json"), '{"os":"linux","architecture":"amd64"}');
    writeFileSync(
      join(cwd, "notes.json"),
      JSON.stringify({ $manifest: { m: "1", k: "file" }, $config: { c: "2" }, a: { f: "3" } }),
    );
    const image = await stowage([
      ...["push", "--create", "./store:v1", "a:application/vnd.oci.image.layer.v1.tar"],
      ...["--image-config", "config.json", "--annotation-file", "notes.json"],
      ...["--annotation", "k=a=b", "--json"],
    ], { cwd, env: { SOURCE_DATE_EPOCH: "1700000000" } });
    assert.equal(image.code, 0, image.err);
    const { entry } = image.json<
      { entry: { digest: string; size: number; mediaType: string } }
    >();
    const manifest = blobJson(join(cwd, "store"), entry.digest) as Record<string, unknown>;
    assert.equal(manifest["artifactType"], undefined);
    const config = digestOf(readFileSync(join(cwd, "config.json")));
    assert.deepEqual(manifest["config"], {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: config,
      size: 37,
      annotations: { c: "2" },
    });
    assert.deepEqual(manifest["annotations"], {
      k: "a=b",
      m: "1",
      "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
    });
    assert.deepEqual((manifest["layers"] as { annotations: unknown }[])[0]?.annotations, {
      f: "3",
      "org.opencontainers.image.title": "a",
    });

    const report = await stowage([
      ...["push", "./store", "a", "--subject", `./store:v1@${entry.digest}`],
      ...["--created", "2026-11-22T04:30:00+01:00"],
    ], { cwd });
    assert.equal(report.code, 0, report.err);
    const digest = report.out.trim().replace("./store@", "");
    const attached = blobJson(join(cwd, "store"), digest) as Record<string, unknown>;
    const { mediaType, size } = entry;
    assert.deepEqual(attached["subject"], { mediaType, digest: entry.digest, size });
    assert.deepEqual(attached["annotations"], {
      "org.opencontainers.image.created": "2026-11-22T03:30:00Z",
    });
    assert.deepEqual(entriesIn(join(cwd, "store")).at(-1), { name: undefined, digest });

    const taken = await stowage(["push", "./store:v1", "a", "--expect", "none"], { cwd });
    assert.equal(taken.code, 4, taken.err);
    const absent = await stowage(["push", "./nowhere:v1", "a"], { cwd });
    assert.equal(absent.code, 2);
    assert.match(absent.err, /next: +stowage init '?\.\/nowhere/);
    const lost = await stowage(["push", "./store:v2", "a", "--subject", "v9"], { cwd });
    assert.equal(lost.code, 2, lost.err);
  }));
