import assert from "node:assert/strict";
import { describe, it } from "node:test";
import config from "../../deno.json" with { type: "json" };
import { ended, inFolder, start, stowage } from "./stowage.ts";

it("version tells what runs", async () => {
  const { code, json } = await stowage(["version", "--json"]);
  assert.equal(code, 0);
  const { schema, version, runtime, schemes } = json<Record<string, string | string[]>>();
  assert.deepEqual([schema, version], ["stowage.version/1", config.version]);
  assert.match(String(runtime), /^(deno|bun) \d+\.\d+\.\d+$/);
  assert.ok(schemes?.includes("dir"));
  assert.equal((await stowage(["--version"])).out, `stowage ${config.version}\n`);
});

it("help and completion scripts come from the program", async () => {
  assert.match((await stowage(["help"])).out, /^ {2}push +/m);
  assert.match((await stowage(["completion", "bash"])).out, /complete .*-F _stowage stowage/);
});

describe("the exit code tells what went wrong, stdout stays empty", () => {
  const rows: readonly [string[], number][] = [
    [["lsit"], 64],
    [[], 64],
    [["list", "./s:v1,v2"], 64],
    [["cat", "./s@sha256:abc"], 64],
    [["list", "gs://b/x"], 64],
    [["list", "./absent"], 2],
    [["cat", "./s:absent"], 2],
    [["tag", "--expect", "none", "./s:v1", "v1"], 4],
    [["check", "./file"], 2],
  ];
  for (const [args, code] of rows) {
    it(`stowage ${args.join(" ")}`, () =>
      inFolder(async (cwd) => {
        await stowage(["push", "--create", "./s:v1", "-", "--name", "f"], { cwd, stdin: "x" });
        const done = await stowage(args, { cwd });
        assert.equal(done.code, code, done.err);
        assert.equal(done.out, "");
        assert.notEqual(done.err, "");
      }));
  }
});

it("a reader that goes away ends text quietly with 0", async () => {
  const child = start(["help"]);
  child.stdin?.end();
  child.stdout?.destroy();
  const { code, err } = await ended(child);
  assert.deepEqual([code, err], [0, ""]);
});

it("a password in a place is refused and not told again", async () => {
  const { code, err } = await stowage(["list", "s3://me:MARKER@bucket/x:v1"]);
  assert.equal(code, 64);
  assert.doesNotMatch(err, /MARKER/);
});
