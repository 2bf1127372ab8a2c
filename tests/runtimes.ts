// Programs of the tests, started in either runtime.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import process from "node:process";

/** A runtime, and how it starts a program. */
export interface Runtime {
  readonly name: "deno" | "bun";
  readonly start: readonly string[];
}

const here = "bun" in process.versions ? "bun" : "deno";
const HOW = { deno: ["run", "--allow-all", "--quiet"], bun: ["run"] } as const;

/** The command of a runtime: this process's own, else what the test command told, else what stands on the PATH. */
function commandOf(name: "deno" | "bun"): string | undefined {
  if (name === here) return process.execPath;
  const told = process.env[`STOWAGE_TEST_${name.toUpperCase()}`];
  if (told) return told;
  return spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0 ? name : undefined;
}

/** The runtimes of this machine, this one first. */
export const runtimes: readonly Runtime[] = ([here, here === "bun" ? "deno" : "bun"] as const)
  .flatMap((name) => {
    const command = commandOf(name);
    return command === undefined ? [] : [{ name, start: [command, ...HOW[name]] }];
  });

/** Why tests that mix runtimes cannot do so here. */
export const onlyOne: string | undefined = runtimes.length > 1
  ? undefined
  : `only ${here} can be had here`;

/** Starts a program of the tests, in a folder. */
export function startProgram(
  { start: [command = "", ...how] }: Runtime,
  program: URL,
  args: readonly string[],
  cwd?: string,
): ChildProcess {
  return spawn(command, [...how, fileURLToPath(program), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** Waits for a program to end; its exit code and what it printed. */
export async function finished(child: ChildProcess): Promise<{ code: number | null; out: string }> {
  let out = "";
  child.stdout?.on("data", (chunk) => out += chunk);
  const [code] = await once(child, "close");
  return { code, out };
}
