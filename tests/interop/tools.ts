// The partners: other people's tools, run as they are. A test that needs one that is not there is skipped, by name.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { unless } from "../skip.ts";

/** Runs a program; its stdout comes back, a failure throws with its stderr. */
export function run(command: string, args: readonly string[], cwd?: string): string {
  const done = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 64 << 20,
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (done.error) throw done.error;
  if (done.status === 0) return done.stdout;
  throw new Error(`${command} ${args.join(" ")} exited ${done.status}: ${done.stderr}`);
}

/** Whether a program can be started. */
export function have(command: string): boolean {
  return spawnSync(command, ["--help"], { stdio: "ignore" }).error === undefined;
}

/** A test that needs these tools, named in the reason if it is skipped. */
export function needing(
  tools: readonly string[],
  promise: string,
  body: () => Promise<void>,
): void {
  const missing = tools.filter((tool) => !have(tool));
  const reason = missing.length > 0 && `${missing.join(", ")} cannot be had here`;
  test(promise, { ...unless(reason), timeout: 300_000 }, body);
}

/** An empty folder of this test; in lower case, as buildah takes its path for a name. */
export async function scratch(): Promise<string> {
  const folder = join(tmpdir(), `stowage-interop-${randomBytes(6).toString("hex")}`);
  await mkdir(folder);
  return folder;
}

const TREE = ["/bin/bash", "/bin/ls", "/bin/cat", "/etc/passwd", "/etc/os-release"];

/** A root file system that is small and real: programs of this machine, the libraries they need, a link, text. */
export async function rootFileSystem(into: string): Promise<string> {
  const libraries = run("ldd", ["/bin/bash"]).match(/\/lib\S*/g) ?? [];
  for (const file of [...TREE, ...libraries]) {
    await mkdir(join(into, dirname(file)), { recursive: true });
    await cp(file, join(into, file), { dereference: true });
  }
  await symlink("bash", join(into, "bin/sh"));
  await mkdir(join(into, "tmp"));
  return into;
}

/** An image of a root file system, built by umoci in `folder/umoci`, tagged `v1` and `v2`. */
export async function umociLayout(folder: string): Promise<string> {
  const root = await rootFileSystem(join(folder, "rootfs"));
  const umoci = (...args: string[]) => run("umoci", args, folder);
  umoci("init", "--layout", "umoci");
  umoci("new", "--image", "umoci:base");
  umoci("unpack", "--image", "umoci:base", "bundle");
  run("cp", ["-a", `${root}/.`, join(folder, "bundle/rootfs")]);
  umoci("repack", "--image", "umoci:v1", "bundle");
  umoci("config", "--image", "umoci:v1", "--tag", "v2", "--config.cmd", "/bin/sh");
  return join(folder, "umoci");
}

/** `buildah`, with its storage in a folder of the test and no need of overlay mounts. */
export async function buildahIn(folder: string): Promise<(...args: string[]) => string> {
  const config = join(folder, "storage.conf");
  const lines = [
    "[storage]",
    'driver = "vfs"',
    `runroot = "${folder}/run"`,
    `graphroot = "${folder}/graph"`,
  ];
  await writeFile(config, lines.join("\n") + "\n");
  return (...args) => {
    process.env["CONTAINERS_STORAGE_CONF"] = config;
    return run("buildah", args).trim();
  };
}
