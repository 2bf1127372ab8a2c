import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { EMPTY_HASH } from "../../plugins/s3/signer.ts";
import { findBun } from "../bun.ts";
import { image } from "./copy.ts";
import { at, type Cost, cost, have, median, type Run, STOWAGE, stowage } from "./pairs.ts";

const SDK = ["@aws-sdk/client-s3@3.1169.0", "@aws-sdk/lib-storage@3.1169.0"];
const ROUNDS = 3;
const [MEMORY, NOWHERE] = ["/dev/shm", "/dev/null"];
/** radosgw frees what was deleted after five seconds, and looks every five. */
const FREED = 11_000;

/** Runs one after the other, some rounds of it, and prints what ours has cost beside each of the others. */
async function beside(
  name: string,
  ours: () => Run,
  peers: Readonly<Record<string, () => Run>>,
  reset: () => Promise<void>,
): Promise<void> {
  const costs = new Map<string, Cost[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [who, run] of [["ours", ours] as const, ...Object.entries(peers)]) {
      await reset();
      costs.set(who, [...costs.get(who) ?? [], await cost(run())]);
    }
  }
  await reset();
  const mine = costs.get("ours") ?? [];
  for (const who of Object.keys(peers)) {
    const theirs = costs.get(who) ?? [];
    const times = (figure: "wall" | "cpu") =>
      median(mine.map((one, at) => (theirs[at]?.[figure] ?? NaN) / one[figure])).toFixed(2);
    console.log(
      `${name}: ${times("wall")} times as fast as ${who}, with ${times("cpu")} times the ` +
        `processor and ${median(theirs.map(({ peak }) => peak))} MiB; promised: at least 1.2`,
    );
  }
  const [wall, peak] = [median(mine.map(({ wall }) => wall)), median(mine.map(({ peak }) => peak))];
  console.log(`${name}: ${wall.toFixed(1)} s, ${peak} MiB; promised: at most 200 MiB`);
}

/** An image of a gigabyte in eight layers to a bucket and back, beside Amazon's client and rclone; and what a start costs. */
export async function bucket(): Promise<void> {
  const missing = ["radosgw", "ceph-osd", "rclone", "curl", "npm"].filter((tool) => !have(tool));
  if (missing.length > 0) {
    return console.log(`s3: skipped, ${missing.join(", ")} cannot be had here`);
  }
  const script = join(import.meta.dirname ?? "", "..", "s3_servers.sh");
  const servers = (command: string) =>
    spawnSync("bash", [script, command, "rgw"], {
      encoding: "utf8",
      env: { ...process.env, STOWAGE_S3_DIR: at("s3") },
    }).stdout;
  try {
    const told = /RGW_ENDPOINT='(.*)'/.exec(servers("start"))?.[1];
    if (!told) throw new Error("radosgw does not start");
    await measure(told);
  } finally {
    servers("stop");
  }
}

async function measure(endpoint: string): Promise<void> {
  const [key, secret] = ["stowage", "stowage-secret"];
  // rclone does not bear a bundle of certificates of the environment.
  delete process.env["AWS_CA_BUNDLE"];
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: key,
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_EC2_METADATA_DISABLED: "true",
    BENCH_ENDPOINT: endpoint,
    RCLONE_CONFIG: "/dev/null",
    RCLONE_CONFIG_R_TYPE: "s3",
    RCLONE_CONFIG_R_PROVIDER: "Ceph",
    RCLONE_CONFIG_R_ENDPOINT: endpoint,
    RCLONE_CONFIG_R_ACCESS_KEY_ID: key,
    RCLONE_CONFIG_R_SECRET_ACCESS_KEY: secret,
  });
  const sdk = at("sdk");
  mkdirSync(sdk);
  copyFileSync(join(import.meta.dirname ?? "", "sdk.mjs"), join(sdk, "sdk.mjs"));
  spawnSync("npm", ["install", "--silent", "--prefix", sdk, ...SDK], { stdio: "inherit" });
  const amazon = (...args: string[]) => [findBun(), join(sdk, "sdk.mjs"), ...args];
  const [source, up] = [at("image"), "up"];
  await image(source, 1024);
  const blobs = join(source, "blobs", "sha256");
  const place = (path: string) => `s3://test/${path}?endpoint=${endpoint}`;
  const emptied = async () => {
    spawnSync("rclone", ["purge", `R:test/${up}`], { stdio: "ignore" });
    await sleep(FREED);
    // What a store can do is found out once.
    await stowage("init", "-q", place(`${up}/layout`));
  };
  await beside(
    "s3, 1 GiB up",
    () => [STOWAGE, "copy", "--create", `${source}:v1`, place(`${up}/layout`)],
    {
      "Amazon's client, which verifies nothing": () => amazon("up", blobs, `${up}/sdk`),
      rclone: () => ["rclone", "copy", blobs, `R:test/${up}/rclone`],
    },
    emptied,
  );
  await stowage("copy", "-q", "--create", `${source}:v1`, place("image"));
  const below = "image/blobs/sha256";
  // Signed by curl itself, but for what it says of a body that there is none of.
  const dropped = ["curl", "-s", "--parallel", "--user", `${key}:${secret}`]
    .concat("--aws-sigv4", "aws:amz:us-east-1:s3", "-H", `x-amz-content-sha256: ${EMPTY_HASH}`)
    .concat(
      readdirSync(blobs).flatMap((name) => ["-o", NOWHERE, `${endpoint}/test/${below}/${name}`]),
    );
  const down = (name: string, target: string) =>
    beside(
      `s3, 1 GiB down ${name}`,
      () => [STOWAGE, "copy", "--create", `${place("image")}#v1`, `${target}:v1`],
      {
        "Amazon's client, which verifies nothing": () => amazon("down", below, target),
        rclone: () => ["rclone", "copy", `R:test/${below}`, target],
        "curl, which drops what comes: as fast as the server is": () => dropped,
      },
      async () => {
        await rm(target, { recursive: true, force: true });
        spawnSync("sync");
      },
    );
  await down("to a disk, waited for by ours alone", at("target"));
  // What the disk takes is told by what memory does not.
  if (existsSync(MEMORY)) await down("to memory", join(MEMORY, basename(at(""))));
  const more: number[] = [];
  for (let n = 0; n < 20; n++) {
    const far = await cost([STOWAGE, "list", place("image")]);
    more.push(far.wall - (await cost([STOWAGE, "list", source])).wall);
  }
  const added = (median(more) * 1000).toFixed(0);
  console.log(
    `s3, start: ${added} ms more than in a directory, a request of it; promised: at most 20`,
  );
}
