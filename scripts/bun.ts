// Bun for the tasks: the one on the PATH if it is the right one, else npm's.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";

/** The version everything is built and tested with. */
export const BUN = "1.4.5";

/** The path of Bun; npm brings it where it is missing. */
export function findBun(): string {
  const own = spawnSync("bun", ["--version"], { encoding: "utf8" });
  if (own.stdout?.trim() === BUN) return "bun";
  const fetched = spawnSync("npx", ["-y", "-p", `bun@${BUN}`, "-c", "command -v bun"], {
    encoding: "utf8",
  });
  const path = fetched.stdout?.trim();
  if (fetched.status === 0 && path) return path;
  throw new Error(`Cannot get Bun ${BUN} from npm: ${fetched.stderr ?? fetched.error}`);
}

/** Installs what package.json pins, for Bun; nothing to do if bun.lock is older than what is there. */
export function installPackages(bun: string): void {
  const fresh = existsSync("node_modules/zod") &&
    statSync("node_modules").mtimeMs >= statSync("bun.lock").mtimeMs;
  if (fresh) return;
  const done = spawnSync(bun, ["install", "--frozen-lockfile"], { stdio: "inherit" });
  if (done.status !== 0) throw new Error("Cannot install the packages that bun.lock pins");
}
