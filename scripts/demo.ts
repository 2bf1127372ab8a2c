// The main job on real input, with the executable that `task compile` makes: each command is shown with what it answers,
// so that a reader learns the tool from it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import process from "node:process";

const program = resolve("dist", process.platform === "win32" ? "stowage.exe" : "stowage");
const files = ["README.md", "LICENSE", "deno.json", program];

/** Shows a command, runs it in the demo's folder, and shows its answer; a failure ends the demo. */
function stowage(folder: string, ...args: string[]): string {
  console.log(`\n$ stowage ${args.join(" ")}`);
  const done = spawnSync(program, args, { cwd: folder, encoding: "utf8", maxBuffer: 64 << 20 });
  if (done.stdout) console.log(done.stdout.trimEnd());
  if (done.stderr) console.log(done.stderr.trimEnd());
  if (done.status !== 0) throw new Error(`stowage ${args[0]} exited ${done.status}`);
  return done.stdout.trim();
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

async function demo(folder: string): Promise<void> {
  const run = (...args: string[]) => stowage(folder, ...args);
  const say = (text: string) => console.log(`\n# ${text}`);

  say("A layout is a folder, made once.");
  run("init", "./store");
  say(
    `Files become an artifact under a tag; one of them is the program itself, ${await mib(
      program,
    )}.`,
  );
  run(
    "push",
    "./store:v1",
    ...files.map((file) => resolve(file)),
    "--artifact-type",
    "application/vnd.demo",
  );
  say("Names are cheap: any number, set in one step, no bytes moved.");
  run("tag", "./store:v1", "v1.0.0", "latest");
  run("list", "./store");
  run("inspect", "./store:latest");
  run("tree", "./store:v1");
  say(
    "Copying sets all names at the end, in one swap; bytes are shared where the file system can.",
  );
  run("copy", "--create", "--all", "./store", "./twin");
  say("Again: nothing is moved twice.");
  run("copy", "--all", "./store", "./twin");
  say("Pulled back, byte for byte.");
  run("pull", "./twin:latest", "-o", "./out");
  for (const file of files) {
    const [before, after] = [await sha256(file), await sha256(join(folder, "out", basename(file)))];
    if (before !== after) throw new Error(`${basename(file)} came back different`);
    console.log(`same  ${before.slice(0, 16)}…  ${basename(file)}`);
  }
  say("Everything reachable is there and hashes to its name; what each name holds.");
  run("check", "./twin");
  run("du", "./twin");
  console.log("\nAll of it worked.");
}

async function mib(path: string): Promise<string> {
  return `${((await stat(path)).size / (1 << 20)).toFixed(1)} MiB`;
}

const folder = await mkdtemp(join(tmpdir(), "stowage-demo-"));
try {
  await demo(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
