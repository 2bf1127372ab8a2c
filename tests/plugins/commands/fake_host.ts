import type { Host, StopSignal } from "../../../plugins/commands/host.ts";
import type { Clock, Command, Registry } from "../../../core/basics.ts";
import { createRegistry } from "../../../core/basics.ts";
import type { ExitCodes } from "../../../plugins/commands/failure.ts";
import { main } from "../../../plugins/commands/main.ts";

/** A clock that moves when it is told to; sleepers wake as it passes them. */
export function heldClock(): Clock & { pass(ms: number): void } {
  let now = 0;
  let sleepers: { at: number; wake: () => void }[] = [];
  return {
    now: () => now,
    elapsed: () => now,
    random: () => 0,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
        sleepers.push({ at: now + ms, wake: resolve });
      }),
    pass(ms) {
      now += ms;
      const due = sleepers.filter(({ at }) => at <= now);
      sleepers = sleepers.filter(({ at }) => at > now);
      due.forEach(({ wake }) => wake());
    },
  };
}

/** A machine that keeps what is said to it. */
export function fakeHost(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const said = {
    out: "",
    err: [] as string[],
    live: [] as (readonly string[])[],
    exits: [] as number[],
  };
  const clock = heldClock();
  let heard: (signal: StopSignal) => void = () => {};
  const host: Host = {
    argv,
    clock,
    cwd: () => "/nowhere",
    platform: "linux",
    onStop(listener) {
      heard = listener;
      return () => heard = () => {};
    },
    exit: (code) => void said.exits.push(code),
    terminal: {
      out: (chunk) => {
        said.out += typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
        return Promise.resolve();
      },
      err: (line) => void said.err.push(line),
      live: (lines) => void said.live.push(lines),
      stdin: new ReadableStream(),
      tty: { in: false, out: false, err: false },
      width: 80,
      height: 24,
      unicode: false,
      env: (name) => ({ XDG_CONFIG_HOME: "/nowhere", ...env })[name],
    },
  };
  return { host, said, clock, stop: (signal: StopSignal) => heard(signal) };
}

/** Each ending has a code of its own, so that a mix-up shows. */
export const EXITS: ExitCodes = {
  not_found: 101,
  already_exists: 102,
  conflict: 103,
  invalid: 104,
  invalid_digest: 105,
  corrupt: 106,
  size_exceeded: 107,
  ambiguous: 108,
  locked: 109,
  lease_lost: 110,
  refused: 111,
  read_only: 112,
  unsupported: 113,
  unavailable: 114,
  aborted: 115,
  usage: 116,
  defect: 117,
  timeout: 118,
  SIGHUP: 119,
  SIGINT: 120,
  SIGTERM: 121,
};

/** A registry of these commands alone. */
export function registryOf(...commands: Command[]): Registry {
  return createRegistry([{ name: "test", commands }]);
}

/** Runs a program made of these commands. */
export async function run(
  commands: readonly Command[],
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const { host, said } = fakeHost(argv, env);
  return { code: await main(registryOf(...commands), EXITS, host), ...said };
}
