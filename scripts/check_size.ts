// Keeps the program small: what cli.ts and all it loads come to, bundled and minified; our own part of it, and all. The
// packages are mostly AWS's chain of credentials, which is loaded only where a bucket asks for it.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { findBun, installPackages } from "./bun.ts";

const BUDGET = { own: 500_000, all: 1_200_000 };

interface Outputs {
  readonly outputs: Readonly<
    Record<string, { readonly inputs: Readonly<Record<string, { bytesInOutput: number }>> }>
  >;
}

const bun = findBun();
installPackages(bun);
const folder = mkdtempSync(join(tmpdir(), "stowage-size-"));
try {
  const meta = join(folder, "meta.json");
  const { status, stderr } = spawnSync(
    bun,
    ["build", "--minify", "--target=bun", `--metafile=${meta}`, `--outdir=${folder}`, "cli.ts"],
    { maxBuffer: 1 << 28 },
  );
  if (status !== 0) {
    process.stderr.write(stderr);
    throw new Error("The program cannot be bundled");
  }
  const { outputs } = JSON.parse(readFileSync(meta, "utf8")) as Outputs;
  const size = { own: 0, all: 0 };
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      size.all += bytesInOutput;
      if (!path.includes("node_modules")) size.own += bytesInOutput;
    }
  }
  console.log(
    `size, minified: ${size.own} of ${BUDGET.own} bytes our own, ${size.all} of ${BUDGET.all} in all`,
  );
  if (size.own > BUDGET.own || size.all > BUDGET.all) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
