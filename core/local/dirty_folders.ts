import type { Disk } from "./files.ts";

/** Folders whose names are not on the disk yet. */
export interface DirtyFolders {
  /** Notes that something was renamed into a folder. */
  add(path: string): void;
  /** Waits until all that was noted before is on the disk: one wait for everybody who asks meanwhile. */
  flush(): Promise<void>;
}

/** Starts with none. */
export function dirtyFolders(disk: Disk): DirtyFolders {
  let dirty = new Set<string>();
  let last: Promise<void> = Promise.resolve();

  async function sync(): Promise<void> {
    const paths = dirty;
    dirty = new Set();
    try {
      for (const path of paths) {
        await disk.step("sync blob folder");
        await disk.syncFolder(path);
      }
    } catch (error) {
      for (const path of paths) dirty.add(path);
      throw error;
    }
  }

  return {
    add: (path) => void dirty.add(path),
    // After the one under way, which may hold what the caller noted.
    flush: () => last = last.then(sync, sync),
  };
}
