import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type BlobFiles, fileTime, type Limbo, type LocalPlace, lookAt } from "../../core/mod.ts";

const DAY = 24 * 3_600_000;
const MINUTE = 60_000;

/** Removes what dead writers have left unfinished a day ago, and gives back what dead deleters have taken. */
export function tidyUp({ tmp, clock }: LocalPlace, limbo: Limbo, files: BlobFiles): void {
  try {
    for (const name of readdirSync(tmp)) {
      const path = join(tmp, name);
      const stats = lookAt(path);
      if (stats && clock.now() - fileTime(stats) > DAY) {
        rmSync(path, { recursive: true, force: true });
      }
    }
    limbo.settle(MINUTE, files.pathOf);
  } catch {
    // The next one may do it.
  }
}
