import type { Digest, Trash, TrashFolder } from "../../core/mod.ts";
import type { Change } from "./archive.ts";
import type { Entry } from "./contents.ts";
import { revive } from "./deletion.ts";
import { GONE } from "./names.ts";
import { moveEntry } from "./patch.ts";
import type { TarStore } from "./store.ts";

/** What was deleted, until the archive is compacted: staged copies in a folder, others in the archive. */
export function archiveTrash(
  store: TarStore,
  folder: TrashFolder,
  purged: (size: number) => void,
): Trash {
  const { archive, copies, place, staged } = store;

  /** Does something with the dead copies of a blob, or of all, that one batch has left. */
  async function withDead(
    action: string,
    batch: string,
    digest: Digest | undefined,
    work: (change: Change, entry: Entry) => Promise<void>,
  ): Promise<void> {
    const isMeant = (inode: number) => (entry: Entry) =>
      entry.digest === (digest ?? entry.digest) && copies.deathOf(inode, entry).batch === batch;
    const { contents, inode } = await archive.look();
    if (!contents.dead.some(isMeant(inode))) return;
    await archive.change(action, async (change) => {
      const { contents, inode } = change.view;
      for (const entry of contents.dead.filter(isMeant(inode))) {
        await work(change, entry);
        contents.dead.splice(contents.dead.indexOf(entry), 1);
      }
      await place.disk.syncFile(change.file.fd);
      change.settle(change.view.length);
    });
  }

  async function isStored(digest: Digest): Promise<boolean> {
    if (await staged.stat(digest)) return true;
    return (await archive.look()).contents.blobs.has(digest);
  }

  return {
    async *list() {
      yield* folder.list();
      const { contents, inode } = await archive.look();
      for (const entry of [...contents.dead]) {
        const { batch, removed } = copies.deathOf(inode, entry);
        yield { batch, digest: entry.digest, size: entry.size, removed: new Date(removed) };
      }
    },

    async restore(batch, digest) {
      const action = `Cannot restore ${digest}`;
      await place.writing(action);
      if (await isStored(digest)) await folder.purge(batch, digest);
      else await folder.restore(batch, digest);
      await withDead(action, batch, digest, async (change, entry) => {
        await place.disk.step("restore blob");
        const stands = change.view.contents.blobs.has(digest) || await staged.stat(digest);
        if (stands) await moveEntry(change, entry, GONE);
        else await revive(store, change, entry);
      });
      return await isStored(digest);
    },

    async purge(batch, digest) {
      const action = `Cannot purge ${digest ?? `batch "${batch}"`}`;
      await place.writing(action);
      await folder.purge(batch, digest);
      await withDead(action, batch, digest, async (change, entry) => {
        await place.disk.step("purge blob");
        await moveEntry(change, entry, GONE);
        purged(entry.size);
      });
    },
  };
}
