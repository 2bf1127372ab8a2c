import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  rmSync,
  type Stats,
  statSync,
  utimesSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import {
  fileError,
  type FileLock,
  fileTime,
  type Flock,
  flock,
  type LocalPlace,
  lookAt,
  OciError,
} from "../../core/mod.ts";
import { type Contents, gather } from "./contents.ts";
import { odditiesOf } from "./oddities.ts";
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
  /** Throws `lease_lost` once somebody else may change it, `conflict` once another file stands there. */
  assertHeld(): void;
  /** Tells everybody that the file has changed, and has so many bytes now. */
  settle(length: number): void;
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
      for (const [code, message] of told ? [] : odditiesOf(contents, path)) {
        place.notice(code, message);
      }
      told = true;
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
          const way = stats.isDirectory() ? `; a layout in a folder is "dir:${path}"` : "";
          throw new OciError("invalid", `${action}: it is no regular file${way}`);
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

  /** Gives the file a time that it never had, so that nobody takes it for what it was. */
  function settle(view: View, { fd }: FileHandle, length: number): void {
    const before = fstatSync(fd);
    if (lookAt(path)?.ino !== before.ino) return;
    const time = new Date(place.time(fileTime(before)));
    // By its path, as some runtimes set whole milliseconds there alone.
    utimesSync(path, time, time);
    const stats = fstatSync(fd);
    // Else another program has written to it.
    if (stats.size === length) known = { view: { ...view, length }, signature: signatureOf(stats) };
  }

  /** Opens the archive as it is looked at then, made if it is missing. */
  async function opened(): Promise<{ view: View; file: FileHandle }> {
    while (true) {
      const view = await look();
      const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
      const stats = fstatSync(file.fd);
      if (
        stats.size === view.length && (view.length === 0 || signatureOf(stats) === known.signature)
      ) {
        return { view, file };
      }
      await file.close(); // Replaced, or written to, by whoever knows no lock.
    }
  }

  async function changing<T>(what: string, work: (change: Change) => Promise<T>): Promise<T> {
    await place.writing(what);
    await place.disk.step("lock");
    await using lease = await lock.acquire("lock", { wait });
    const isNew = !lookAt(path);
    using held: Flock | undefined = await flock(path, { clock: place.clock, wait });
    if (!held && !warned) {
      warned = true;
      const alone = "this archive is for one writer at a time";
      place.notice("no_flock", `This runtime has no flock: ${alone}`);
    }
    const { view, file } = await opened();
    await using _ = file;
    const { ino } = fstatSync(file.fd);
    const stands = () => lookAt(path)?.ino === ino;
    try {
      return await work({
        view,
        file,
        assertHeld() {
          lease.assertHeld();
          if (stands()) return;
          throw new OciError("conflict", `${what}: another program has replaced "${path}"`);
        },
        settle: (length) => settle(view, file, length),
      });
    } catch (error) {
      // Made by the lock alone.
      if (isNew && stands() && fstatSync(file.fd).size === 0) rmSync(path, { force: true });
      throw error;
    }
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
