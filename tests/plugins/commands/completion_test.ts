import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { commandsPlugin } from "../../../plugins/commands/mod.ts";
import { EXITS, run } from "./fake_host.ts";
import { unless } from "../../skip.ts";

const commands = commandsPlugin.commands ?? [];
const script = async (shell: string) => (await run(commands, ["completion", shell])).out;
const words = async (...typed: string[]) =>
  (await run(commands, ["completion", "words", "--", ...typed])).out.split("\n").slice(0, -1);

function missing(shell: string): false | string {
  return spawnSync(shell, ["--version"]).status === 0 ? false : `${shell} is not installed`;
}

for (const shell of ["bash", "zsh", "fish"]) {
  const reason = missing(shell);
  it(`${shell} takes its script`, unless(reason), async () => {
    const { status, stderr } = spawnSync(shell, ["-n"], {
      input: await script(shell),
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
  });
}

it("a shell that is not known is a usage error", async () => {
  assert.equal((await run(commands, ["completion", "tcsh"])).code, EXITS.usage);
});

describe("the word at the cursor", () => {
  it("becomes a command", async () => {
    assert.deepEqual(await words("in"), ["ingest", "init", "inspect"]);
    assert.deepEqual(await words("--json", "unt"), ["untag"]);
  });
  it("becomes a flag of that command", async () => {
    assert.ok((await words("push", "./x", "--art")).includes("--artifact-type"));
    assert.deepEqual(await words("copy", "--no-res"), ["--no-resume"]);
  });
  it("becomes the value of a flag", async () => {
    assert.deepEqual(await words("list", "--progress", "p"), ["plain"]);
  });
  it("becomes a word of the command", async () => {
    assert.deepEqual(await words("ingest", "a"), ["abort"]);
  });
  it("becomes nothing where nothing is known", async () => {
    assert.deepEqual(await words("nonsense", "x"), []);
    assert.deepEqual(await words("list", "./nowhere:v"), []);
  });
});

describe("bash completes words with colons in them", unless(missing("bash")), () => {
  // A stand-in for the program tells what it is asked and answers with a fixed list.
  async function complete(line: string, answer: readonly string[]) {
    const folder = mkdtempSync(join(tmpdir(), "stowage-bash-"));
    try {
      const program = join(folder, "stowage");
      writeFileSync(
        program,
        `#!/bin/sh\nprintf '%s|' "$@" > '${folder}/asked'\ncat '${folder}/answer'\n`,
      );
      chmodSync(program, 0o755);
      writeFileSync(join(folder, "answer"), answer.map((word) => `${word}\n`).join(""));
      writeFileSync(join(folder, "script"), await script("bash"));
      // Readline cuts at colons and hands over the pieces.
      const pieces = line.split(/ +|(?=:)|(?<=:)/);
      const run = spawnSync("bash", [
        "-c",
        `
        . '${folder}/script'
        COMP_LINE='${line}' COMP_POINT=${line.length} COMP_WORDS=(${
          pieces.map((p) => `'${p}'`).join(" ")
        })
        COMP_CWORD=${pieces.length - 1}
        _stowage
        printf '%s\\n' "\${COMPREPLY[@]}"
        cat '${folder}/asked'`,
      ], { encoding: "utf8", env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` } });
      const lines = run.stdout.split("\n");
      return { replies: lines.slice(0, -1), asked: lines.at(-1), err: run.stderr };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  it("a plain word is replaced whole", async () => {
    assert.deepEqual((await complete("stowage unt", ["untag"])).replies, ["untag"]);
  });
  it("after a colon only what follows it is replaced", async () => {
    assert.deepEqual((await complete("stowage cat ./s:v", ["./s:v1", "./s:v2"])).replies, [
      "v1",
      "v2",
    ]);
  });
  it("the program is asked for the whole word", async () => {
    assert.match((await complete("stowage cat ./s:v", ["./s:v1"])).asked ?? "", /\|\.\/s:v\|$/);
  });
});
