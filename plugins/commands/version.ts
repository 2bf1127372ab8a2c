import process from "node:process";
import { defineBody } from "../../core/basics.ts";
import config from "../../deno.json" with { type: "json" };

// Written into a bundle by scripts/compile.ts.
declare const STOWAGE_COMMIT: string | undefined;
declare const STOWAGE_BUILT: string | undefined;

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64" };
const SYSTEMS: Readonly<Record<string, string>> = { win32: "windows" };

/** What this program is. */
export function identity() {
  const { deno, bun } = process.versions;
  return {
    version: config.version,
    commit: typeof STOWAGE_COMMIT === "string" ? STOWAGE_COMMIT : undefined,
    built: typeof STOWAGE_BUILT === "string" ? STOWAGE_BUILT : undefined,
    runtime: deno ? `deno ${deno}` : `bun ${bun}`,
    target: `${SYSTEMS[process.platform] ?? process.platform}_${
      ARCHITECTURES[process.arch] ?? process.arch
    }`,
  };
}

/** `stowage version`. */
export default defineBody({
  usage: "",
  flags: {},
  examples: ["stowage version", "stowage version --json"],
  positionals: [0, 0],
  bare: true,
  async run({ registry, result }) {
    const data = { ...identity(), schemes: registry.schemes };
    await result({ schema: "stowage.version/1", data, lines: [`stowage ${data.version}`] });
  },
});
