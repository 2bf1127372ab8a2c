import { linkSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  type DocGuard,
  flock,
  isBlank,
  isOciError,
  type LocalPlace,
  OciError,
  uniqueName,
} from "../../core/mod.ts";

const WAIT = 5_000;

/** The files beside an index. */
export interface IndexFiles {
  /** The index. */
  readonly index: string;
  /** The file that BuildKit locks while it writes the index in place. */
  readonly lock: string;
  /** The index before the last swap. */
  readonly previous: string;
}

/** Keeps BuildKit out while the index is replaced, and the index that was. */
export function indexGuard(place: LocalPlace, { index, lock, previous }: IndexFiles) {
  let noted = false;
  return async (name: string): Promise<DocGuard | undefined> => {
    if (name !== "index.json") return undefined;
    await place.disk.step("flock index");
    const held = await flock(lock, { clock: place.clock, wait: WAIT });
    if (!held && !noted) {
      noted = true;
      place.notice(
        "no_flock",
        "This runtime has no flock: BuildKit is not kept from writing meanwhile",
      );
    }
    return {
      async keep({ text }) {
        // An index that says nothing is no former one to go back to.
        if (isBlank(text)) return;
        await place.disk.step("link previous index");
        const link = join(place.tmp, uniqueName(place.clock));
        linkSync(index, link);
        await place.disk.step("rename previous index");
        renameSync(link, previous);
        // Renaming one link of a file onto another does nothing.
        rmSync(link, { force: true });
      },
      assertHeld() {
        try {
          held?.assertHeld();
        } catch (error) {
          if (!isOciError(error, "lease_lost")) throw error;
          throw new OciError("conflict", `Cannot swap "${name}": its lock was removed`, {
            cause: error,
          });
        }
      },
      [Symbol.dispose]: () => held?.[Symbol.dispose](),
    };
  };
}
