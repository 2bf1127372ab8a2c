import process from "node:process";
import { createRegistry, type Registry } from "./core/basics.ts";
import type { ExitCodes } from "./plugins/commands/failure.ts";
import { main as run } from "./plugins/commands/main.ts";
import { builtins } from "./plugins/mod.ts";

/** The exit code of each way to end. Only 4 and 6 may go through when tried again. */
const exits: ExitCodes = {
  not_found: 2,
  ambiguous: 2,
  corrupt: 3,
  invalid_digest: 3,
  size_exceeded: 3,
  refused: 3,
  locked: 4,
  conflict: 4,
  lease_lost: 4,
  already_exists: 4,
  read_only: 5,
  unsupported: 5,
  unavailable: 6,
  aborted: 1,
  usage: 64,
  invalid: 65,
  defect: 70,
  timeout: 124,
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
};

/** Runs the program with these plugins; the exit code comes back. */
export function main(registry: Registry): Promise<number> {
  return run(registry, exits);
}

if (import.meta.main) {
  const code = process.exitCode = await main(createRegistry(builtins));
  // Who was stopped while a pipe waited for its other end would be held by it for ever.
  if (code >= exits.timeout) process.stderr.write("", () => process.exit(code));
}
