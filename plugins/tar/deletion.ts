import { type BlobInfo, type Blobs, OciError, type Removal } from "../../core/mod.ts";
import type { Change } from "./archive.ts";
import type { Entry } from "./contents.ts";
import { BLOBS, DEAD, GONE } from "./names.ts";
import { moveEntry } from "./patch.ts";
import type { TarStore } from "./store.ts";

type Delete = Blobs["delete"];
type Options = Parameters<Delete>[1];

/** Removes copies: staged ones by `removeStaged`, others by renaming them in the archive. */
export function deleteBlobs(store: TarStore, removeStaged: Delete): Delete {
  const { place, archive, copies, pending } = store;

  /** Removes a copy of the archive, if it is the one seen, or lay below the staged one that is gone by now. */
  async function remove(
    change: Change,
    seen: BlobInfo,
    before: Removal["outcome"],
    batch: string,
  ): Promise<Removal["outcome"]> {
    const { contents, inode } = change.view;
    const entry = contents.blobs.get(seen.digest);
    if (!entry) return before;
    const isSeen = copies.infoOf(inode, entry).version === seen.version;
    if (before !== "removed" && !isSeen) return "replaced";
    for (const older of contents.shadowed.filter(({ digest }) => digest === seen.digest)) {
      await moveEntry(change, older, GONE);
    }
    if (before === "removed") await moveEntry(change, entry, GONE);
    else {
      copies.note(inode, [{ entry, batch, removed: place.clock.now() }]);
      await place.disk.step("bury blob");
      await moveEntry(change, entry, DEAD);
      contents.dead.push(entry);
    }
    contents.blobs.delete(seen.digest);
    return "removed";
  }

  return async (seen, options = {}) => {
    const action = "Cannot delete blobs";
    await place.writing(action);
    const { batch = "loose" } = options;
    const removals = [...await removeStaged(seen, options)];
    for (const { digest, version } of seen) {
      if (pending.get(digest)?.info.version === version) pending.delete(digest);
    }
    const { contents } = await archive.look();
    const inside = seen.some(({ digest }, at) =>
      /absent|removed/.test(removals[at]?.outcome ?? "") && contents.blobs.has(digest)
    );
    if (!inside) return removals;
    await archive.change(action, async (change) => {
      for (const [at, blob] of seen.entries()) {
        const { outcome = "failed" } = removals[at] ?? {};
        if (outcome !== "absent" && outcome !== "removed") continue;
        removals[at] = await attempt(blob, () => {
          assertInTime(store, blob, options);
          return remove(change, blob, outcome, batch);
        });
      }
      await place.disk.step("sync deletion");
      await place.disk.syncFile(change.file.fd);
      change.settle(change.view.length);
    });
    return removals;
  };
}

async function attempt(
  { digest }: BlobInfo,
  work: () => Promise<Removal["outcome"]>,
): Promise<Removal> {
  try {
    return { digest, outcome: await work() };
  } catch (cause) {
    const error = cause instanceof OciError
      ? cause
      : new OciError("unavailable", `Cannot delete ${digest}`, { digest, cause });
    return { digest, outcome: "failed", error };
  }
}

function assertInTime({ place }: TarStore, { digest }: BlobInfo, { until, signal }: Options = {}) {
  const late = until !== undefined && place.clock.now() >= until.getTime();
  if (!late && !signal?.aborted) return;
  const why = late ? "its time is over" : "the signal has aborted";
  throw new OciError("aborted", `Cannot delete ${digest}: ${why}`, { digest });
}

/** Brings a deleted copy back, as a new one. */
export async function revive(
  { place, copies, version }: TarStore,
  change: Change,
  entry: Entry,
): Promise<void> {
  const { contents, inode } = change.view;
  copies.note(inode, [{ entry, version: version(), modified: place.clock.now() }]);
  await moveEntry(change, entry, BLOBS);
  contents.blobs.set(entry.digest, entry);
}
