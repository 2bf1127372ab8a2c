import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { defineBody, defineCommand, OciError } from "../../../core/basics.ts";
import type { CommandContext, ErrorCode } from "../../../core/basics.ts";
import { main } from "../../../plugins/commands/main.ts";
import { NOBODY_READS } from "../../../plugins/commands/terminal.ts";
import { EXITS, fakeHost, registryOf, run } from "./fake_host.ts";

const act = (name: string, act: (context: CommandContext) => Promise<number | void>) =>
  defineCommand({
    name,
    aliases: name === "list" ? ["ls"] : [],
    summary: `does ${name}`,
    load: () =>
      Promise.resolve(defineBody({
        usage: "PLACE",
        flags: { depth: { type: "count", help: "how deep", default: "1" } },
        examples: [`stowage ${name} ./store`],
        positionals: [0, 1],
        run: act,
      })),
  });

const list = act(
  "list",
  ({ result, positionals, flags }) =>
    result({
      schema: "stowage.list/1",
      place: positionals[0] ?? "",
      data: { flags },
      lines: ["a\x1bb"],
    }),
);
const failing = (error: unknown) => act("list", () => Promise.reject(error));

describe("what was typed finds its command", () => {
  const rows: readonly string[][] = [
    ["list", "./x"],
    ["ls", "./x"],
    ["-q", "list", "./x"],
    ["--format", "text", "list", "./x"],
    ["--timeout", "5s", "ls", "./x"],
    ["--progress=none", "list", "--depth", "2", "./x"],
  ];
  for (const argv of rows) {
    it(argv.join(" "), async () => {
      const { code, out, err } = await run([list], argv);
      assert.deepEqual([code, out, err], [0, "a\\u{1b}b\n", []]);
    });
  }
  it("JSON is one document on one line", async () => {
    const { out } = await run([list], ["list", "--json", "./x"]);
    assert.equal(out.indexOf("\n"), out.length - 1);
    const { schema, ok, place, flags } = JSON.parse(out);
    assert.deepEqual([schema, ok, place, flags.depth], ["stowage.list/1", true, "./x", 1]);
  });
  it("the number a command returns is the exit code", async () => {
    assert.equal((await run([act("list", () => Promise.resolve(10))], ["list"])).code, 10);
  });
});

describe("what cannot be run is a usage error on stderr, nothing on stdout", () => {
  const rows: readonly [string[], RegExp][] = [
    [["lsit"], /"lsit": no such command; did you mean "list"\?/],
    [["list", "--dpeth", "2"], /did you mean "--depth"\?/],
    [["list", "a", "b"], /./],
    [[], /./],
  ];
  for (const [argv, message] of rows) {
    it(`stowage ${argv.join(" ")}`, async () => {
      const { code, out, err } = await run([list], argv);
      assert.equal(code, EXITS.usage);
      assert.equal(out, "");
      assert.match(err.join("\n"), message);
    });
  }
});

describe("an error becomes its exit code", () => {
  for (const code of Object.keys(EXITS).slice(0, 15) as ErrorCode[]) {
    it(code, async () => {
      const error = new OciError(code, "Cannot do it", {
        url: "dir:///x",
        ref: "v1",
        digest: "sha256:0",
      });
      const text = await run([failing(error)], ["list"]);
      assert.equal(text.code, EXITS[code]);
      assert.equal(text.err[0], `stowage list: Cannot do it  [${code}]`);
      const json = await run([failing(error)], ["list", "--json"]);
      const { schema, exit, message, place, ref } = JSON.parse(json.err.join(""));
      assert.deepEqual([schema, exit, message, place, ref], [
        "stowage.error/1",
        EXITS[code],
        "Cannot do it",
        "dir:///x",
        "v1",
      ]);
      assert.equal(JSON.parse(json.err.join("")).code, code);
    });
  }
  it("what is no error of the library is a defect and shows where", async () => {
    const { code, err } = await run([failing(new TypeError("oops"))], ["list"]);
    assert.equal(code, EXITS.defect);
    assert.match(err[0] ?? "", /oops {2}\[internal\]/);
    assert.ok(err.some((line) => line.includes("main_test.ts")));
  });
  it("a foreign name in an error cannot steer the terminal", async () => {
    const { err } = await run([failing(new OciError("invalid", "Cannot \x1b[2J"))], ["list"]);
    assert.equal(err[0], "stowage list: Cannot \\u{1b}[2J  [invalid]");
  });
  it("the cause is told if it adds something, two ways out at most", async () => {
    const failed = act("list", ({ hint }) => {
      ["one", "two", "three"].forEach(hint);
      return Promise.reject(
        new OciError("unavailable", "Cannot reach it", { cause: new Error("no route") }),
      );
    });
    assert.deepEqual((await run([failed], ["list"])).err, [
      "stowage list: Cannot reach it  [unavailable]",
      "  cause: no route",
      "  next:  one",
      "         two",
    ]);
  });
  it("a reader that went away is no failure", async () => {
    const { code, err } = await run([
      failing(new OciError("aborted", "x", { reason: NOBODY_READS })),
    ], ["list"]);
    assert.deepEqual([code, err], [0, []]);
  });
});

describe("whoever reads errors as JSON gets JSON, even where flags cannot be read", () => {
  const rows: readonly [string[], Record<string, string>?][] = [
    [["list", "--json", "--nope"]],
    [["list", "--format", "json", "--nope"]],
    [["list", "--format=json", "--nope"]],
    [["list", "--log-format=json", "--nope"]],
    [["--json", "lsit"]],
    [["list", "--nope"], { STOWAGE_FORMAT: "json" }],
  ];
  for (const [argv, env] of rows) {
    it(`${argv.join(" ")} ${JSON.stringify(env ?? {})}`, async () => {
      const { err } = await run([list], argv, env);
      assert.equal(JSON.parse(err.join("")).exit, EXITS.usage);
    });
  }
  it("after -- nothing is a flag", async () => {
    const { err } = await run([list], ["list", "--nope", "--", "--json"]);
    assert.match(err[0] ?? "", /^stowage list: /);
  });
});

describe("a run is stopped from outside", () => {
  /** A command, and the moment from which on it can be stopped. */
  function begun(run: (context: CommandContext) => Promise<number | void>) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const command = act("list", (context) => {
      const running = run(context);
      resolve();
      return running;
    });
    return { command, begun: promise };
  }
  const wait = ({ signal }: CommandContext) =>
    new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
    it(signal, async () => {
      const { host, said, stop } = fakeHost(["list"]);
      const waiting = begun(wait);
      const done = main(registryOf(waiting.command), EXITS, host);
      await waiting.begun;
      stop(signal);
      assert.equal(await done, EXITS[signal]);
      assert.match(said.err[0] ?? "", new RegExp(signal));
    });
  }
  it("a command that stays ends well on SIGTERM, and hears SIGHUP", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      let heard = 0;
      const staying = begun(async ({ signal, stay }) => {
        stay(() => void heard++);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return 7;
      });
      const { host, stop } = fakeHost(["list"]);
      const done = main(registryOf(staying.command), EXITS, host);
      await staying.begun;
      stop("SIGHUP");
      stop(signal);
      assert.deepEqual([await done, heard], [signal === "SIGTERM" ? 7 : EXITS.SIGINT, 1]);
    }
  });
  it("its time runs out", async () => {
    const { host, clock } = fakeHost(["list", "--timeout", "5s"]);
    const waiting = begun(wait);
    const done = main(registryOf(waiting.command), EXITS, host);
    await waiting.begun;
    clock.pass(5000);
    assert.equal(await done, EXITS.timeout);
  });
  it("a second signal, or ten seconds, end the process with the first one's code", async () => {
    for (const again of [true, false]) {
      const { host, said, clock, stop } = fakeHost(["list"]);
      const deaf = begun(() => new Promise(() => {}));
      const never = main(registryOf(deaf.command), { ...EXITS, SIGINT: 130, SIGTERM: 143 }, host);
      await deaf.begun;
      stop("SIGINT");
      if (again) stop("SIGINT");
      else clock.pass(10_000);
      await Promise.race([never, new Promise((resolve) => setTimeout(resolve, 20))]);
      assert.deepEqual(said.exits, [130]);
    }
  });
});

describe("settings", () => {
  async function withSettings(text: string, test: (path: string) => Promise<void>) {
    const folder = mkdtempSync(join(tmpdir(), "stowage-settings-"));
    try {
      const path = join(folder, "settings.json");
      writeFileSync(path, text);
      await test(path);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  const show = act(
    "show",
    ({ reference, print, positionals: [text = ""], terminal }) =>
      terminal.out(print(reference(text))),
  );
  it("bring the default place; the environment comes first", () =>
    withSettings('{"schema":"stowage.settings/1","default":"./here"}', async (path) => {
      assert.equal((await run([show], ["show", ":v1", "--settings", path])).out, "./here:v1");
      const env = { STOWAGE_PLACE: "./there", STOWAGE_SETTINGS: path };
      assert.equal((await run([show], ["show", "#v1"], env)).out, "./there:v1");
    }));
  it("without a default an empty place is a usage error", async () => {
    assert.equal((await run([show], ["show", ":v1"])).code, EXITS.usage);
  });
  it("stand in for flags", () =>
    withSettings('{"schema":"stowage.settings/1","format":"json"}', async (path) => {
      assert.equal(JSON.parse((await run([list], ["list", "--settings", path])).out).ok, true);
      const typed = ["list", "--format=text", "--settings", path];
      assert.equal((await run([list], typed)).out, "a\\u{1b}b\n");
    }));
  const bad: readonly [string, RegExp][] = [
    ['{"schema":"stowage.settings/1","jbos":1}', /no such key: "jbos"; did you mean "jobs"\?/],
    ["{", /no JSON/],
    ['{"schema":"stowage.settings/2"}', /schema/],
    ['{"schema":"stowage.settings/1","places":{"a":1}}', /places/],
  ];
  for (const [text, message] of bad) {
    it(`${text} is refused`, () =>
      withSettings(text, async (path) => {
        const { code, err } = await run([list], ["list", "--settings", path]);
        assert.equal(code, EXITS.usage);
        assert.match(err[0] ?? "", message);
      }));
  }
  it("a file that was named must be there", async () => {
    assert.equal((await run([list], ["list", "--settings", "/nowhere/x"])).code, EXITS.usage);
  });
});
