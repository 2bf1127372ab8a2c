// Makes the executable, dist/stowage:
//
//   deno task compile [--target T] [--require deno|bun] [--all]
//
// by `deno compile` where its base binary can be had, else by `bun build --compile`, saying which. What it makes for
// this machine is run before it is called done.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import config from "../deno.json" with { type: "json" };
import { findBun, installPackages } from "./bun.ts";

interface Target {
  readonly deno: string;
  readonly bun: string;
}

const TARGETS: Readonly<Record<string, Target>> = {
  linux_amd64: { deno: "x86_64-unknown-linux-gnu", bun: "bun-linux-x64" },
  linux_arm64: { deno: "aarch64-unknown-linux-gnu", bun: "bun-linux-arm64" },
  darwin_amd64: { deno: "x86_64-apple-darwin", bun: "bun-darwin-x64" },
  darwin_arm64: { deno: "aarch64-apple-darwin", bun: "bun-darwin-arm64" },
  windows_amd64: { deno: "x86_64-pc-windows-msvc", bun: "bun-windows-x64" },
};

/** What a program compiled by Deno may do; it starts no other program. */
const RIGHTS = [
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-net",
  "--allow-sys=hostname,uid",
  "--allow-env",
];

const { values } = parseArgs({
  options: { target: { type: "string" }, require: { type: "string" }, all: { type: "boolean" } },
});
const arch = process.arch === "x64" ? "amd64" : "arm64";
const system = process.platform === "win32" ? "windows" : process.platform;
const host = `${system}_${arch}`;

/** Runs a program; its stdout comes back, undefined if it failed. */
function run(command: string, args: readonly string[], quiet = false): string | undefined {
  const done = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", quiet ? "pipe" : "inherit"],
  });
  return done.status === 0 ? done.stdout.trim() : undefined;
}

const commit = run("git", ["rev-parse", "--short=12", "HEAD"], true) ?? "unknown";
const epoch = process.env["SOURCE_DATE_EPOCH"];
const built = new Date(epoch ? Number(epoch) * 1000 : Date.now()).toISOString();

function compileByDeno(target: Target, output: string): boolean {
  const args = ["compile", "--quiet", "--no-check", ...RIGHTS, `--target=${target.deno}`];
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name !== "DENORT_BIN"),
  );
  const done = spawnSync(process.execPath, [...args, `--output=${output}`, "cli.ts"], {
    env,
    stdio: "ignore",
  });
  return done.status === 0;
}

function compileByBun(target: Target, output: string): boolean {
  const bun = findBun();
  installPackages(bun);
  return run(bun, [
    "build",
    "--compile",
    "--minify",
    // Parsed beforehand: starts in a third of the time.
    "--bytecode",
    "--format=esm",
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    `--target=${target.bun}`,
    `--define=STOWAGE_COMMIT="${commit}"`,
    `--define=STOWAGE_BUILT="${built}"`,
    `--outfile=${output}`,
    "cli.ts",
  ]) !== undefined;
}

/** Does the main job with the program: a file in, and the same file out. */
function tryOut(program: string): void {
  const folder = mkdtempSync(join(tmpdir(), "stowage-compile-"));
  const must = (...args: string[]) => {
    const out = run(program, args);
    if (out === undefined) throw new Error(`The executable fails at "${args[0]}"`);
    return out;
  };
  try {
    const { version } = JSON.parse(must("version", "--json"));
    if (version !== config.version) throw new Error(`The executable says it is ${version}`);
    const [store, file, back] = [join(folder, "store"), join(folder, "file"), join(folder, "back")];
    writeFileSync(file, "to the store and back");
    must("init", "-q", store);
    must("push", "-q", `${store}:v1`, file);
    must("check", "-q", store);
    must("pull", "-q", `${store}:v1`, "-o", back);
    if (readFileSync(join(back, "file"), "utf8") !== "to the store and back") {
      throw new Error("The executable pulls other bytes than it pushed");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether `deno compile` has failed already: it does so for one reason, and slowly. */
let withoutBase = values.require === "bun";

function compile(name: string, output: string): void {
  const target = TARGETS[name];
  if (!target) throw new Error(`No target ${name}: there are ${Object.keys(TARGETS).join(", ")}`);
  mkdirSync("dist", { recursive: true });
  let by = "deno compile";
  if (withoutBase || !compileByDeno(target, output)) {
    if (values.require === "deno") {
      throw new Error("deno compile failed: its base binary cannot be had");
    }
    if (!withoutBase) {
      console.log(
        "No base binary for deno compile (offline?): building with bun build --compile instead",
      );
    }
    withoutBase = true;
    by = "bun build --compile";
    if (!compileByBun(target, output)) throw new Error(`bun build --compile failed for ${name}`);
  }
  if (name === host) tryOut(output);
  const size = (statSync(output).size / (1 << 20)).toFixed(1);
  console.log(`${output}: ${name}, ${size} MiB, by ${by}${name === host ? ", tried out" : ""}`);
}

const ending = (name: string) => name.startsWith("windows") ? ".exe" : "";

if (values.all) {
  const sums: string[] = [];
  for (const name of Object.keys(TARGETS)) {
    const file = `stowage_${config.version}_${name}${ending(name)}`;
    compile(name, `dist/${file}`);
    sums.push(
      `${createHash("sha256").update(readFileSync(`dist/${file}`)).digest("hex")}  ${file}`,
    );
  }
  writeFileSync("dist/checksums.txt", `${sums.join("\n")}\n`);
} else {
  const name = values.target ?? host;
  compile(
    name,
    name === host ? `dist/stowage${ending(name)}` : `dist/stowage_${name}${ending(name)}`,
  );
}
