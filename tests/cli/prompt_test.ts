// Passphrases typed at a terminal of its own, which the tool `script` of Linux makes.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { unless } from "../skip.ts";
import { before, inFolder, program, stowage } from "./stowage.ts";

const SECRET = "pässwörd of mine";
const has = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;
const here = unless(!has && "there is no tool to make a terminal with");

/** Runs the program at a terminal: each answer is typed once its question has been asked. */
async function typing(cwd: string, args: readonly string[], answers: readonly string[]) {
  const words = [program, ...before, ...args].map((word) => `'${word}'`);
  const line = `${words.join(" ")}; echo "ended with $?"; stty -a`;
  const child = spawn("script", ["-qec", line, "/dev/null"], { cwd, env: { ...process.env } });
  let shown = "";
  const left = [...answers];
  let asked = 0;
  child.stdout.on("data", (chunk) => {
    shown += chunk;
    const questions = shown.match(/[a-z]: /g)?.length ?? 0;
    if (questions > asked && left.length > 0) child.stdin.write(left.shift() ?? "");
    asked = questions;
  });
  await once(child, "close");
  return shown;
}

test(
  "a passphrase is typed unseen, twice for a new key; the terminal is as it was afterwards",
  here,
  () =>
    inFolder(async (cwd) => {
      const made = await typing(cwd, ["key", "generate", "--out", "k"], [
        `${SECRET}\r`,
        `${SECRET}\r`,
      ]);
      assert.match(made, /Passphrase of the new key: [^]*The same again: [^]*ended with 0/);
      assert.doesNotMatch(made, /pässwörd/);
      assert.match(made, / echo /);
      const env = { STOWAGE_PASSWORD: SECRET };
      assert.equal((await stowage(["key", "show", "k.key"], { cwd, env })).code, 0);
    }),
);

test(
  "what is typed wrongly is mended by the key for it, and two that differ make no key",
  here,
  () =>
    inFolder(async (cwd) => {
      const args = ["key", "generate", "--out", "k"];
      const mended = await typing(cwd, args, ["oneX\x7f\r", "one\r"]);
      assert.match(mended, /ended with 0/);
      const differing = await typing(cwd, ["key", "generate", "--out", "j"], ["one\r", "two\r"]);
      assert.match(differing, /the passphrases differ[^]*ended with [1-9]/);
      assert.ok(!existsSync(join(cwd, "j.key")));
    }),
);

test(
  "Ctrl-C at the question ends it, with the terminal as it was",
  here,
  () =>
    inFolder(async (cwd) => {
      const stopped = await typing(cwd, ["key", "generate", "--out", "k"], ["half\x03"]);
      assert.match(stopped, /Passphrase of the new key: [^]*ended with 130/);
      assert.match(stopped, / echo /);
      assert.ok(!existsSync(join(cwd, "k.key")));
    }),
);
