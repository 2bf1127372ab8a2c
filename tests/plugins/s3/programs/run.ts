import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Runtime } from "../../../runtimes.ts";

/** Who a server knows. */
export interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Starts one of the programs beside this file, with the key of a server; `say` hears its lines. */
export function run(
  { start: [command = "", ...how] }: Runtime,
  name: string,
  { accessKey, secretKey }: Keys,
  args: readonly string[],
  say: (line: string) => void = () => {},
): ChildProcess {
  const program = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const child = spawn(command, [...how, program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      AWS_ACCESS_KEY_ID: accessKey,
      AWS_SECRET_ACCESS_KEY: secretKey,
      AWS_EC2_METADATA_DISABLED: "true",
    },
  });
  if (child.stdout) createInterface({ input: child.stdout }).on("line", say);
  return child;
}
