import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BlobFiles } from "./blob_files.ts";
import { lookAt, timeOf } from "./files.ts";
import type { Limbo } from "./limbo.ts";
import type { LocalPlace } from "./local_place.ts";

const DAY = 24 * 3_600_000;
const MINUTE = 60_000;

/** What a place keeps its blobs by. */
interface Kept {
  readonly limbo: Limbo;
  readonly files: BlobFiles;
}

/** The same place, which is tidied up before its first write. */
export function tidied(place: LocalPlace, kept: () => Kept): LocalPlace {
  let done = false;
  return {
    ...place,
    async writing(action) {
      await place.writing(action);
      if (!done) tidyUp(place, kept());
      done = true;
    },
  };
}

/** Removes what dead writers have left unfinished a day ago, and gives back what dead deleters have taken. */
function tidyUp({ tmp, clock }: LocalPlace, { limbo, files }: Kept): void {
  try {
    for (const name of readdirSync(tmp)) {
      const path = join(tmp, name);
      const stats = lookAt(path);
      if (stats && clock.now() - timeOf(stats) > DAY) {
        rmSync(path, { recursive: true, force: true });
      }
    }
    limbo.settle(MINUTE, files.pathOf);
  } catch {
    // The next one may do it.
  }
}
