// Runs the program as a person would: from source in the runtime of the test, or as the executable STOWAGE_BIN.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Buffer } from "node:buffer";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtimes } from "../runtimes.ts";

/** What a run of the program came to. */
export interface Run {
  /** Exit code; null if a signal ended it. */
  readonly code: number | null;
  /** Stdout as text. */
  readonly out: string;
  /** Stdout as it is. */
  readonly bytes: Uint8Array;
  /** Stderr as text. */
  readonly err: string;
  /** The lines of stdout. */
  readonly lines: readonly string[];
  /** The JSON document on stdout. */
  json<T = Readonly<Record<string, unknown>>>(): T;
}

/** How the program is run. */
export interface RunOptions {
  readonly cwd?: string;
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

const binary = process.env["STOWAGE_BIN"];
const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
/** The program, and what comes before its arguments. */
export const [program = "", ...before] = binary ? [binary] : [...runtimes[0]?.start ?? [], cli];

/** Starts the program; stdin is a pipe. */
export function start(args: readonly string[], { cwd, env = {} }: RunOptions = {}): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) =>
    !/^(STOWAGE_|AWS_|CI$|SOURCE_DATE_EPOCH$|XDG_CONFIG_HOME$)/.test(name)
  );
  return spawn(program, [...before, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), XDG_CONFIG_HOME: tmpdir(), LC_ALL: "C.UTF-8", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** Waits for a program to end. */
export async function ended(child: ChildProcess): Promise<Run> {
  const [out, err]: [Uint8Array[], Uint8Array[]] = [[], []];
  child.stdout?.on("data", (chunk) => out.push(chunk));
  child.stderr?.on("data", (chunk) => err.push(chunk));
  const [code] = await once(child, "close");
  const bytes = Buffer.concat(out);
  const text = bytes.toString();
  return {
    code,
    out: text,
    bytes,
    err: Buffer.concat(err).toString(),
    lines: text.split("\n").slice(0, -1),
    json: () => JSON.parse(text),
  };
}

/** Sends a signal. Deno takes a child that was signalled by its own method for dead, whatever it says in the end. */
export function kill(
  { pid }: ChildProcess,
  signal: "SIGHUP" | "SIGINT" | "SIGTERM" | "SIGKILL",
): void {
  if (pid !== undefined) process.kill(pid, signal);
}

/** Runs the program to its end. */
export function stowage(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const child = start(args, options);
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.stdin ?? "");
  return ended(child);
}

/** Gives a test a folder of its own, removed in the end. */
export async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "stowage-cli-"));
  try {
    await test(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
