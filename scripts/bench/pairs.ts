// What every case is measured with.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";

/** What a finished process has cost. */
export interface Cost {
  /** Seconds of processor time, user and system. */
  readonly cpu: number;
  /** Seconds by the wall clock. */
  readonly wall: number;
  /** Most memory it had resident, in MiB. */
  readonly peak: number;
}

/** A command and its arguments. */
export type Run = readonly string[];

/** One figure, beside a peer's. */
export interface Case {
  readonly name: string;
  readonly promise: string;
  readonly figure: keyof Cost;
  readonly ours: Run;
  readonly peer: Run;
  /** Told before each run of either side. */
  readonly reset?: () => Promise<void>;
  readonly runs?: number;
  /** Each side runs twice and its second run counts: memory that the other has freed costs whoever takes it next. */
  readonly settled?: boolean;
}

/** Bytes in a MiB. */
export const MIB = 1 << 20;
/** The executable that is measured. */
export const STOWAGE = resolve("dist/stowage");

const folder = await mkdtemp(join(process.env["BENCH_DIR"] ?? tmpdir(), "stowage-bench-"));

/** A path in the folder of this run. */
export const at = (name: string) => join(folder, name);

/** Removes what was made for the run. */
export const tidy = () => rm(folder, { recursive: true, force: true });

/** Runs a program under bash's own accounting; its peak is sampled from the kernel's high-water mark. */
export async function cost(run: Run): Promise<Cost> {
  const script = 'TIMEFORMAT="%U %S %R"; time "$@" >/dev/null 2>"$ERR"';
  const err = at("stderr");
  const child = spawn("bash", ["-c", script, "bash", ...run], {
    env: { ...process.env, ERR: err },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let talk = "";
  child.stderr.on("data", (chunk) => talk += chunk);
  const watch = watchPeak(child);
  const [code] = await once(child, "close");
  const peak = watch();
  if (code !== 0) {
    throw new Error(`${run.join(" ")} exited ${code}: ${await readFile(err, "utf8")}`);
  }
  const [user = 0, system = 0, wall = 0] = talk.trim().split(/\s+/).map(Number);
  return { cpu: user + system, wall, peak };
}

/** The peak of the bash's only child, in MiB. */
function watchPeak(child: ChildProcess): () => number {
  let peak = 0;
  const look = async () => {
    const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
    for (const pid of children.trim().split(" ").filter(Boolean)) {
      const status = await readFile(`/proc/${pid}/status`, "utf8");
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    }
  };
  const timer = setInterval(() => void look().catch(() => {}), 20);
  return () => (clearInterval(timer), Math.round(peak));
}

/** The one in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Runs both in turn and prints the median of the ratios; the first round warms up. */
export async function compare(
  { name, promise, figure, ours, peer, reset, settled, runs = 5 }: Case,
) {
  if (!have(peer[0] ?? "")) return console.log(`${name}: skipped, ${peer[0]} cannot be had here`);
  const ratios: number[] = [];
  const figures: [number, number][] = [];
  const measure = async (run: Run): Promise<number> => {
    await reset?.();
    if (settled) {
      await cost(run);
      await reset?.();
    }
    return (await cost(run))[figure];
  };
  for (let run = 0; run <= runs; run++) {
    const [a, b] = [await measure(ours), await measure(peer)];
    if (run === 0) continue; // warm-up
    ratios.push(a / b);
    figures.push([a, b]);
  }
  const [a, b] = [median(figures.map(([x]) => x)), median(figures.map(([, y]) => y))];
  const spread = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  console.log(
    `${name}: ${median(ratios).toFixed(2)} of ${peer[0]}'s ${figure} (${spread}; ` +
      `${a.toFixed(3)} and ${b.toFixed(3)}); promised: ${promise}`,
  );
}

// Peers that are no packages of Debian lie where scripts/interop_setup.sh installs them.
const installed = process.env["STOWAGE_INTEROP_BIN"] ??
  join(homedir(), ".cache/stowage-interop/bin");
process.env["PATH"] = `${process.env["PATH"]}:${installed}`;

/** Whether a program can be started. */
export function have(command: string): boolean {
  return spawnSync(command, ["--help"], { stdio: "ignore" }).error === undefined;
}

/** Writes a file that does not compress. */
export async function randomFile(path: string, mib: number): Promise<void> {
  const out = createWriteStream(path);
  for (let n = 0; n < mib; n++) if (!out.write(randomBytes(MIB))) await once(out, "drain");
  out.end();
  await once(out, "close");
}

/** Runs the executable for what a case needs beforehand. */
export async function stowage(...args: string[]): Promise<void> {
  const child = spawn(STOWAGE, args, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`stowage ${args.join(" ")} exited ${code}`);
}
