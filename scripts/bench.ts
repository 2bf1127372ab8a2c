// Measures the compiled executable in pairs against a named peer, in one run: A B A B …, quoted as the median of the
// ratios. Absolute times of a shared machine mean little; a ratio of neighbours holds.
//
//   deno task bench [NAME…]      the cases whose name begins with one of these; default all
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createWriteStream } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { makeSynthetic } from "./synthetic.ts";

/** What a finished process has cost. */
interface Cost {
  /** Seconds of processor time, user and system. */
  readonly cpu: number;
  /** Seconds by the wall clock. */
  readonly wall: number;
  /** Most memory it had resident, in MiB. */
  readonly peak: number;
}

type Run = readonly string[];

interface Case {
  readonly name: string;
  readonly promise: string;
  readonly figure: keyof Cost;
  readonly ours: Run;
  readonly peer: Run;
  /** Told before each run of either side. */
  readonly reset?: () => Promise<void>;
  readonly runs?: number;
}

const MIB = 1 << 20;
const STOWAGE = resolve("dist/stowage");
const folder = await mkdtemp(join(process.env["BENCH_DIR"] ?? tmpdir(), "stowage-bench-"));
const at = (name: string) => join(folder, name);

/** Runs a program under bash's own accounting; its peak is sampled from the kernel's high-water mark. */
async function cost(run: Run): Promise<Cost> {
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

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function compare({ name, promise, figure, ours, peer, reset, runs = 5 }: Case) {
  if (!have(peer[0] ?? "")) return console.log(`${name}: skipped, ${peer[0]} cannot be had here`);
  const ratios: number[] = [];
  const figures: [number, number][] = [];
  for (let run = 0; run <= runs; run++) {
    await reset?.();
    const a = (await cost(ours))[figure];
    await reset?.();
    const b = (await cost(peer))[figure];
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

function have(command: string): boolean {
  return spawnSync(command, ["--help"], { stdio: "ignore" }).error === undefined;
}

async function randomFile(path: string, mib: number): Promise<void> {
  const out = createWriteStream(path);
  for (let n = 0; n < mib; n++) if (!out.write(randomBytes(MIB))) await once(out, "drain");
  out.end();
  await once(out, "close");
}

/** A layout of one image whose eight layers have `mib` MiB together. */
async function image(place: string, mib: number): Promise<void> {
  const files: string[] = [];
  for (let n = 0; n < 8; n++) {
    files.push(`${at(`layer${n}`)}:application/vnd.oci.image.layer.v1.tar`);
    await randomFile(at(`layer${n}`), mib / 8);
  }
  const config = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [] },
  });
  await writeFile(at("config.json"), config);
  const type = "application/vnd.oci.image.config.v1+json";
  await stowage("init", place);
  await stowage("push", "--image-config", `${at("config.json")}:${type}`, `${place}:v1`, ...files);
}

async function stowage(...args: string[]): Promise<void> {
  const child = spawn(STOWAGE, args, { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`stowage ${args.join(" ")} exited ${code}`);
}

/** A layout that lists one small artifact under `names` names. */
async function manyNames(place: string, names: number): Promise<void> {
  await writeFile(at("small"), "small");
  await stowage("init", place);
  await stowage("push", `${place}:tag-0`, at("small"));
  const index = JSON.parse(await readFile(join(place, "index.json"), "utf8"));
  const [entry] = index.manifests;
  index.manifests = Array.from({ length: names }, (_, n) => ({
    ...entry,
    digest: n === 7 ? entry.digest : `sha256:${createHash("sha256").update(`${n}`).digest("hex")}`,
    annotations: { ...entry.annotations, "org.opencontainers.image.ref.name": `tag-${n}` },
  }));
  await writeFile(join(place, "index.json"), JSON.stringify(index));
}

/** What signing adds to a name once the key is loaded, and what a thousand signed names cost to verify. */
async function signing(): Promise<void> {
  const place = at("signed");
  const key = at("key");
  await stowage("key", "generate", "--unencrypted", "--out", key);
  await writeFile(at("small"), "small");
  await stowage("push", "--create", `${place}:v1`, at("small"));
  const sign = ["--sign-key", `${key}.key`, "--scope", "bench"];
  const names = (count: number, run: string) =>
    Array.from({ length: count }, (_, n) => `${run}-${n}`);
  const tag = async (run: string, count: number, ...more: string[]) =>
    (await cost([STOWAGE, "tag", `${place}:v1`, ...names(count, run), ...more])).cpu;
  const added: number[] = [];
  for (let n = 0; n < 7; n++) {
    const signed = await tag(`s${n}`, 41, ...sign) - await tag(`t${n}`, 1, ...sign);
    const plain = await tag(`p${n}`, 41) - await tag(`q${n}`, 1);
    added.push((signed - plain) / 40);
  }
  console.log(
    `sign: ${(median(added) * 1000).toFixed(1)} ms of CPU more for a name; promised: at most 5`,
  );
  const thousand = at("thousand");
  await stowage("copy", "--create", `${place}:v1`, `${thousand}:v1`);
  for (let n = 0; n < 5; n++) {
    await stowage("tag", "-q", `${thousand}:v1`, ...names(200, `n${n}`), ...sign);
  }
  const verified: number[] = [];
  for (let n = 0; n < 5; n++) {
    const all = [STOWAGE, "verify", "-q", "--all", thousand, "--key", `${key}.pub`];
    // The one name that is not signed makes it fail.
    if (n === 0) await stowage("untag", `${thousand}:v1`);
    verified.push((await cost(all)).cpu);
  }
  console.log(
    `sign, verify 1,000 names: ${median(verified).toFixed(2)} s of CPU; promised: less than 1`,
  );
}

const COLLECT = ["--grace", "0", "--trash", "0", "--quiet"];

/** Collecting a tenth of a layout, beside those who can. */
async function collecting(): Promise<void> {
  const place = at("layout");
  const peers: [number, Run][] = [
    [100_000, ["umoci", "gc", "--layout", place]],
    // Their work grows with the square of the number: more than these would take minutes.
    [10_000, ["crane", "layout", "gc", place]],
    [10_000, ["regctl", "tag", "delete", `ocidir://${place}:tag-0`]],
  ];
  for (const [blobs, peer] of peers) {
    const whole = at(`whole-${blobs}`);
    await rm(whole, { recursive: true, force: true });
    await makeSynthetic(whole, blobs);
    // Links are made faster than files, and only documents are ever written to.
    const reset = async () => {
      await rm(place, { recursive: true, force: true });
      spawnSync("cp", ["-al", whole, place]);
      for (const document of ["index.json", "oci-layout"]) {
        await rm(join(place, document));
        await copyFile(join(whole, document), join(place, document));
      }
    };
    for (const figure of ["wall", "cpu"] as const) {
      await compare({
        name: `gc of ${blobs} blobs`,
        promise: "at most 0.2",
        figure,
        ours: [STOWAGE, "gc", place, ...COLLECT],
        peer,
        reset,
        runs: 3,
      });
    }
  }
}

/** What a million blobs cost beyond none. */
async function collectingMillion(): Promise<void> {
  await stowage("init", "-q", at("none"));
  const { blobs, garbage } = await makeSynthetic(at("million"), 1_000_000);
  const none = await cost([STOWAGE, "gc", at("none"), ...COLLECT]);
  const all = await cost([STOWAGE, "gc", at("million"), ...COLLECT]);
  const each = Math.round((all.peak - none.peak) * MIB / blobs);
  console.log(
    `gc of ${blobs} blobs, ${garbage} of them garbage: ${all.wall.toFixed(1)} s ` +
      `(${all.cpu.toFixed(1)} s of processor), promised: under 60; ` +
      `${each} bytes of memory each (${all.peak} MiB, none ${none.peak}), promised: at most 64`,
  );
}

const wanted = process.argv.slice(2);
const chosen = (name: string) => wanted.length === 0 || wanted.some((one) => name.startsWith(one));

async function main(): Promise<void> {
  if (chosen("version")) {
    await compare({
      name: "version",
      promise: "at most 2",
      figure: "wall",
      ours: [STOWAGE, "version"],
      peer: ["skopeo", "--version"],
      runs: 20,
    });
  }
  if (chosen("store")) {
    await randomFile(at("one"), 1024);
    const store = at("store");
    const reset = async () => {
      await rm(store, { recursive: true, force: true });
      await stowage("init", "-q", store);
      // What earlier runs have left to be written is no cost of the next one.
      spawnSync("sync");
    };
    await compare({
      name: "store and verify 1 GiB",
      promise: "at most 1.4",
      figure: "cpu",
      ours: [STOWAGE, "push", `${store}:v1`, at("one")],
      peer: ["openssl", "dgst", "-sha256", at("one")],
      reset,
    });
  }
  if (chosen("copy")) {
    await image(at("image"), 1024);
    const target = at("target");
    const reset = async () => {
      await rm(target, { recursive: true, force: true });
      await mkdir(target, { recursive: true });
    };
    const source = at("image");
    const ours = [STOWAGE, "copy", "--create", `${source}:v1`, target];
    const peers: [string, Run, string][] = [
      ["skopeo", ["skopeo", "copy", `oci:${source}:v1`, `oci:${target}:v1`], "at most 0.33"],
      [
        "regctl",
        ["regctl", "image", "copy", `ocidir://${source}:v1`, `ocidir://${target}:v1`],
        "at most 1",
      ],
      ["oras-go", ["oras-go", "copy", source, "v1", target], "at most 1"],
    ];
    for (const [name, peer, promise] of peers) {
      await compare({
        name: `copy 1 GiB, beside ${name}`,
        promise,
        figure: "wall",
        ours,
        peer,
        reset,
      });
    }
  }
  if (chosen("memory")) {
    await randomFile(at("two"), 2048);
    await stowage("init", at("memory"));
    const { peak } = await cost([STOWAGE, "push", `${at("memory")}:v1`, at("two")]);
    const back = await cost([STOWAGE, "pull", `${at("memory")}:v1`, "-o", at("back")]);
    console.log(`memory: push ${peak} MiB, pull ${back.peak} MiB of 2 GiB; promised: at most 150`);
  }
  if (chosen("sign")) await signing();
  if (chosen("gc")) await collecting();
  // Only by its whole name: it takes minutes, and four gigabytes of disk.
  if (wanted.includes("gcmillion")) await collectingMillion();
  if (chosen("tag")) {
    await manyNames(at("names"), 10_000);
    await manyNames(at("few"), 8);
    const tag = async (place: string, n: number) =>
      (await cost([STOWAGE, "tag", `${at(place)}:tag-7`, `extra-${n}`])).cpu;
    const overFew: number[] = [];
    const overVersion: number[] = [];
    for (let n = 0; n < 20; n++) {
      const among = await tag("names", n);
      overFew.push(among - await tag("few", n));
      overVersion.push(among - (await cost([STOWAGE, "version"])).cpu);
    }
    const ms = (costs: number[]) => (median(costs) * 1000).toFixed(0);
    console.log(
      `tag among 10,000: ${ms(overFew)} ms of CPU beyond the same among 8, ` +
        `${ms(overVersion)} ms beyond "version"; promised: at most 30 beyond start-up`,
    );
  }
}

try {
  await main();
} finally {
  await rm(folder, { recursive: true, force: true });
}
