import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLayout } from "../../mod.ts";
import { collectsBesideOthers, type SharedPlace } from "./collecting_beside.ts";

/** Whatever a directory may have besides its layout once nobody works in it. */
const KEPT = /^(lock\.owner|index\.prev|gc\/state\.json|gc\/\d+\.\w+\/dropped|gc\/last\.json)$/;

async function sharedDirectory(): Promise<SharedPlace> {
  const base = mkdtempSync(join(tmpdir(), "stowage-shared-"));
  const url = join(base, "layout");
  await using _made = await openLayout(url, { mode: "create" });
  return {
    url,
    leftovers: () =>
      Promise.try(() => {
        const ours = join(url, ".stowage");
        return readdirSync(ours, { recursive: true, withFileTypes: true })
          .filter((entry) => !entry.isDirectory() || entry.name === "lock")
          .map((entry) => join(entry.parentPath, entry.name).slice(ours.length + 1))
          .filter((name) => !KEPT.test(name));
      }),
    [Symbol.asyncDispose]: () => Promise.try(() => rmSync(base, { recursive: true, force: true })),
  };
}

collectsBesideOthers("directory", sharedDirectory);
