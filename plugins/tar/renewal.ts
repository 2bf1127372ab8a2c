import { type BlobInfo, type Blobs, OciError, renewBlob } from "../../core/mod.ts";
import type { TarStore } from "./store.ts";

interface Asked {
  readonly seen: BlobInfo;
  resolve(info: BlobInfo): void;
  reject(reason: unknown): void;
}

/** Gives copies new versions: staged ones by their times, those of the archive by a line in its log, many at a time. */
export function renewals(store: TarStore): NonNullable<Blobs["renew"]> {
  const { place, archive, copies, staged, pending, version } = store;
  let asked: Asked[] = [];
  let running = false;

  async function run(): Promise<void> {
    running = true;
    while (asked.length > 0) {
      const now = asked;
      asked = [];
      try {
        await archive.change("Cannot renew blobs", async ({ view: { contents, inode } }) => {
          await place.disk.step("renew blob");
          for (const { seen, resolve, reject } of now) {
            const entry = contents.blobs.get(seen.digest);
            if (entry && copies.infoOf(inode, entry).version === seen.version) {
              copies.note(inode, [{ entry, version: version(), modified: place.time() }]);
              resolve(copies.infoOf(inode, entry));
            } else reject(conflict(seen));
          }
        });
      } catch (error) {
        for (const { reject } of now) reject(error);
      }
    }
    running = false;
  }

  return async (seen) => {
    const { digest } = seen;
    await place.writing(`Cannot renew ${digest}`);
    if (await staged.stat(digest)) return await renewBlob(place, staged, seen);
    const waits = pending.get(digest);
    if (waits && waits.info.version === seen.version) {
      const info = { ...waits.info, version: version(), modified: new Date(place.time()) };
      pending.set(digest, { ...waits, info });
      return info;
    }
    if (!(await archive.look()).contents.blobs.has(digest)) throw conflict(seen);
    const { promise, resolve, reject } = Promise.withResolvers<BlobInfo>();
    asked.push({ seen, resolve, reject });
    if (!running) void run();
    return await promise;
  };
}

function conflict({ digest }: BlobInfo): OciError {
  return new OciError("conflict", `Cannot renew ${digest}: this copy is gone or was replaced`, {
    digest,
  });
}
