// All that can be said of the code without running it: format, lint, types, docs, layers, promises, size.
import { spawnSync } from "node:child_process";
import process from "node:process";
import { findBun, installPackages } from "./bun.ts";

const deno = process.execPath;
const bun = findBun();
installPackages(bun);

const steps: readonly (readonly [string, readonly string[]])[] = [
  [deno, ["fmt", "--check", "--quiet"]],
  [deno, ["lint", "--quiet"]],
  [deno, ["check", "--quiet", "."]],
  [deno, ["doc", "--lint", "--quiet", "mod.ts"]],
  [deno, ["run", "--allow-read", "scripts/check_layers.ts"]],
  [bun, ["scripts/lint_promises.ts"]],
  [deno, ["run", "--allow-all", "scripts/check_size.ts"]],
];

for (const [command, args] of steps) {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status === 0) continue;
  console.error(`ok: ${args.join(" ")} has complaints`);
  process.exitCode = 1;
}
if (!process.exitCode) console.log("ok");
