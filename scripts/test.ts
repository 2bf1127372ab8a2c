// Runs tests under Deno and under Bun, and those of the command line with the executable too, and ends with one line
// that sums them:
//
//   deno run -A scripts/test.ts [FOLDER…]      default: all of tests/ that needs no partner
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { findBun, installPackages } from "./bun.ts";
import { type Counts, countsOf } from "./junit.ts";

/** Folders whose tests need other people's programs: only run when they are named. */
const PARTNERS = ["interop", "s3_real"];
/** Tests that start processes of both runtimes, need none, or change what a process shares: once is enough, unless named. */
const ONCE = [
  "tests/core/change_directory_test.ts",
  "tests/crash/",
  "tests/processes/",
  "tests/gc/simulator_test.ts",
  "tests/plugins/s3/doctor_test.ts",
  "tests/plugins/s3/killed_test.ts",
  "tests/plugins/s3/processes_test.ts",
  "tests/s3_real/killed_test.ts",
  "tests/s3_real/processes_test.ts",
];

function testFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return PARTNERS.includes(entry.name) ? [] : testFiles(path);
    return entry.name.endsWith("_test.ts") ? [path] : [];
  }).sort();
}

/** Prints, and waits where a pipe is full: who reads it may have made it one that refuses. */
async function say(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      const { code, name } = error as NodeJS.ErrnoException;
      if (code !== "EAGAIN" && name !== "WouldBlock") throw error;
      await sleep(10);
    }
  }
}

/**
 * Runs one suite; a runner that fails without a failed test counts as one. What it says is shown as it comes, or once it
 * has ended, for a suite that runs beside another.
 */
async function suite(
  title: string,
  command: string,
  args: (report: string) => readonly string[],
  { env, beside = false }: {
    readonly env: Readonly<Record<string, string>>;
    readonly beside?: boolean;
  },
): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), "stowage-report-"));
  try {
    const [report, log] = [join(folder, "junit.xml"), join(folder, "log")];
    if (!beside) await say(`\n== ${title}`);
    const out = beside ? openSync(log, "w") : "inherit";
    const child = spawn(command, args(report), {
      stdio: ["ignore", out, out],
      env: { ...process.env, ...env },
    });
    const [status] = await once(child, "close");
    if (beside) await say(`\n== ${title}\n${readFileSync(log, "utf8")}`);
    const counts = existsSync(report)
      ? countsOf(readFileSync(report, "utf8"))
      : { passed: 0, failed: 0, skipped: [] };
    const { passed, failed, skipped } = counts;
    const silent = failed === 0 && (status !== 0 || passed + skipped.length === 0);
    return silent ? { ...counts, failed: 1 } : counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const named = process.argv.slice(2);
const files = named.length > 0 ? named.flatMap(testFiles) : testFiles("tests");
const bun = findBun();
installPackages(bun);
const runtimes = { STOWAGE_TEST_DENO: process.execPath, STOWAGE_TEST_BUN: bun };

/** Of folders that are named, only those of partners leave out what needs no second time. */
const isOnce = (file: string) =>
  ONCE.some((one) =>
    file.startsWith(one) &&
    (named.length === 0 || PARTNERS.some((partner) => one.includes(`/${partner}/`)))
  );
const isCli = (file: string) => file.startsWith("tests/cli/");
const underDeno = (report: string) => [
  "test",
  "--allow-all",
  "--no-check",
  "--quiet",
  ...(named.length > 0 ? [] : ["--parallel"]),
  `--junit-path=${report}`,
  ...files.filter((file) => !isOnce(file)),
];
const underBun = (chosen: readonly string[]) => (report: string) => [
  "test",
  "--timeout=300000",
  "--only-failures",
  ...(named.length > 0 ? [] : ["--parallel=2", "--no-isolate"]),
  "--reporter=junit",
  `--reporter-outfile=${report}`,
  ...chosen.map((file) => `./${file}`),
];
const results = new Map<string, Counts>();

async function testBun(name: string, chosen: readonly string[]): Promise<void> {
  if (chosen.length === 0) return;
  const options = { env: runtimes, beside: true };
  results.set(name, await suite(`under ${name}`, bun, underBun(chosen), options));
}

async function testExecutable(): Promise<void> {
  const cli = files.filter(isCli);
  if (cli.length === 0) return;
  const program = resolve("dist", process.platform === "win32" ? "stowage.exe" : "stowage");
  const built = spawn(process.execPath, ["run", "--allow-all", "scripts/compile.ts"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [status] = await once(built, "close");
  const options = { env: { ...runtimes, STOWAGE_BIN: program }, beside: true };
  results.set(
    "executable",
    status === 0
      ? await suite("the executable", bun, underBun(cli), options)
      : { passed: 0, failed: 1, skipped: [] },
  );
}

const underDenoSuite = suite("under Deno", process.execPath, underDeno, {
  env: { ...runtimes, DENO_JOBS: "2" },
})
  .then((counts) => results.set("Deno", counts));
// All but the command line under Bun: that is the executable's, which Bun makes of the same source.
const rest = files.filter((file) => !isCli(file));
if (named.every((name) => name === "tests/s3_real") && named.length > 0) {
  // In buckets each has places of its own, and what starts processes waits for most of its time.
  const [others, processes] = [rest.filter((file) => !isOnce(file)), rest.filter(isOnce)];
  await Promise.all([
    underDenoSuite,
    testBun("Bun", others),
    testBun("Bun, with processes", processes),
  ]);
} else {
  // Other partners have ports and places of their own, which two suites at once would fight for.
  if (named.length > 0) await underDenoSuite;
  await Promise.all([underDenoSuite, testBun("Bun", rest), testExecutable()]);
}

await say("");
let [passed, failed, skipped] = [0, 0, 0];
for (const [name, counts] of results) {
  for (const test of counts.skipped) await say(`skipped (${name}): ${test}`);
  await say(
    `${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped`,
  );
  passed += counts.passed;
  failed += counts.failed;
  skipped += counts.skipped.length;
}
await say(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exitCode = failed > 0 ? 1 : 0;
