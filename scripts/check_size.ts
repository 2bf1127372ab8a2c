// Keeps the program small: what cli.ts and all it loads come to, bundled and minified. Left out is the chain of AWS
// credentials, which is loaded only for profiles and roles.
import { spawnSync } from "node:child_process";
import process from "node:process";
import { findBun, installPackages } from "./bun.ts";

const BUDGET = 500_000;

const bun = findBun();
installPackages(bun);
const { status, stdout, stderr } = spawnSync(
  bun,
  ["build", "--minify", "--target=bun", "--external=npm:@aws-sdk/*", "cli.ts"],
  { maxBuffer: 1 << 28 },
);
if (status !== 0) {
  process.stderr.write(stderr);
  throw new Error("The program cannot be bundled");
}
console.log(`size: ${stdout.length} of ${BUDGET} bytes, minified`);
if (stdout.length > BUDGET) process.exitCode = 1;
