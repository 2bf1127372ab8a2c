import { Buffer } from "node:buffer";
import { closeSync, fstatSync, openSync, type Stats, statSync, utimesSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import {
  fileError,
  type FileLock,
  fileTime,
  type Flock,
  flock,
  type LocalPlace,
  OciError,
} from "../../core/mod.ts";
import { type Contents, gather } from "./contents.ts";
import type { Copies } from "./copies.ts";
import { scan } from "./scan.ts";

/** An archive as it was at one moment. */
export interface View {
  readonly contents: Contents;
  /** The file it was read from; 0 if there was none. */
  readonly inode: number;
  /** Its length. */
  readonly length: number;
}

/** An archive that may be changed: nobody else changes it meanwhile. */
export interface Change {
  readonly view: View;
  readonly file: FileHandle;
  /** Throws once somebody else may change it. */
  assertHeld(): void;
  /** Tells everybody that the file has changed. */
  settle(): void;
}

/** An archive file: looked at, read, and changed under a lock. */
export interface Archive {
  readonly path: string;
  /** What it holds now; its headers are read again only if it has changed. */
  look(): Promise<View>;
  /** Opens the file of a view; undefined if another one stands there by now. */
  open(view: View): Promise<FileHandle | undefined>;
  /** Changes it, one after the other, in this process and beside others. */
  change<T>(action: string, work: (change: Change) => Promise<T>): Promise<T>;
}

/** What an archive is opened with. */
export interface ArchiveOptions {
  readonly lock: FileLock;
  readonly copies: Copies;
  /** Milliseconds to wait for the lock. */
  readonly wait: number;
}

const signatureOf = (stats: Stats) => `${stats.ino}.${stats.size}.${fileTime(stats)}`;
const nothing = (): View => ({
  contents: gather().end({ end: 0, marked: false }),
  inode: 0,
  length: 0,
});

/** The archive at a path, which may be missing. */
export function openArchive(
  place: LocalPlace,
  path: string,
  { lock, copies, wait }: ArchiveOptions,
): Archive {
  const action = `Cannot read "${path}"`;
  let known: { view: View; signature: string } = { view: nothing(), signature: "" };
  let scanning: Promise<void> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let [told, warned] = [false, false];

  async function rescan(): Promise<void> {
    const fd = openSync(path, "r");
    try {
      const stats = fstatSync(fd);
      const contents = await scan(fd, stats.size).catch((error) => {
        // An append may have come to be while its headers were read.
        if (signatureOf(fstatSync(fd)) !== signatureOf(stats)) return undefined;
        throw error;
      });
      if (!contents) return;
      const view = { contents, inode: stats.ino, length: stats.size };
      known = { view, signature: signatureOf(stats) };
      tell(contents);
    } finally {
      closeSync(fd);
    }
  }

  async function look(): Promise<View> {
    try {
      while (true) {
        const stats = statSync(path, { throwIfNoEntry: false });
        // Before it is opened: a pipe would be waited for.
        if (stats && !stats.isFile()) {
          throw new OciError("invalid", `${action}: it is no regular file`);
        }
        if (!stats) known = { view: nothing(), signature: "" };
        else if (signatureOf(stats) !== known.signature) {
          // One that has begun before this look may have passed what has changed since.
          await (scanning ??= rescan().finally(() => scanning = undefined));
          continue;
        }
        copies.refresh();
        return known.view;
      }
    } catch (error) {
      throw fileError(error, action, "read");
    }
  }

  function tell({ hostile, marked, end }: Contents): void {
    if (told) return;
    told = true;
    if (hostile.count > 0) {
      const more = hostile.count > 1 ? ` and ${hostile.count - 1} more` : "";
      const name = Buffer.from(hostile.first.slice(0, 200), "latin1").toString();
      place.notice(
        "hostile_names",
        `Left ${JSON.stringify(name)}${more} out: such a name leads out of the archive`,
      );
    }
    if (!marked && end > 0) place.notice("unmarked_end", `"${path}" ends without its end marker`);
  }

  /** Gives the file a time that it never had, so that nobody takes it for what it was. */
  function settle(view: View): void {
    const before = statSync(path);
    const time = new Date(place.time(fileTime(before)));
    utimesSync(path, time, time);
    const stats = statSync(path);
    known = { view: { ...view, length: stats.size }, signature: signatureOf(stats) };
  }

  async function changing<T>(what: string, work: (change: Change) => Promise<T>): Promise<T> {
    await place.writing(what);
    await using lease = await lock.acquire("lock", { wait });
    using held: Flock | undefined = await flock(path, { clock: place.clock, wait });
    if (!held && !warned) {
      warned = true;
      const alone = "this archive is for one writer at a time";
      place.notice("no_flock", `This runtime has no flock: ${alone}`);
    }
    const view = await look();
    await using file = await open(path, "r+");
    return await work({
      view,
      file,
      assertHeld() {
        lease.assertHeld();
        held?.assertHeld();
      },
      settle: () => settle(view),
    });
  }

  return {
    path,
    look,

    async open({ inode }) {
      try {
        const file = await open(path, "r");
        if ((await file.stat()).ino === inode) return file;
        await file.close();
        return undefined;
      } catch (error) {
        throw fileError(error, action, "read");
      }
    },

    async change(what, work) {
      const mine = turn.then(() => changing(what, work), () => changing(what, work));
      turn = mine.catch(() => {});
      try {
        return await mine;
      } catch (error) {
        throw fileError(error, what);
      }
    },
  };
}
