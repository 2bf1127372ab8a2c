import { Buffer } from "node:buffer";
import {
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import {
  type BlobInfo,
  type LocalPlace,
  lookAt,
  randomHex,
  readAt,
  uniqueName,
  writeAt,
} from "../../core/mod.ts";
import type { Entry } from "./contents.ts";

/** What became of a blob that was deleted. */
export interface Death {
  readonly batch: string;
  /** Milliseconds since 1970. */
  readonly removed: number;
}

/** A line of the log: this copy has that version from now on, was deleted, or this file begins a life. */
export type Note =
  | { readonly entry: Entry; readonly version: string; readonly modified: number }
  | { readonly entry: Entry; readonly batch: string; readonly removed: number };

/**
 * What an archive cannot say of its copies: their versions, renewed by whoever relies on one, and when one was deleted.
 * It is a log beside the archive; without it every copy is told apart by where it stands.
 */
export interface Copies {
  /** Reads what others have noted meanwhile. */
  refresh(): void;
  /** A blob of the file with this inode. */
  infoOf(inode: number, entry: Entry): BlobInfo & { readonly version: string };
  /** When and with what it was deleted. */
  deathOf(inode: number, entry: Entry): Death;
  /** What tells a file from others that had its inode before. */
  nameOf(inode: number): string;
  /** Adds to the log; only under the lock. */
  note(inode: number, notes: readonly Note[]): void;
  /** Prepares for the file that will stand in the place of the former one: it begins a life of its own. */
  renew(former: number, inode: number, notes: readonly Note[]): void;
  /** Waits until the log is on the disk. */
  flush(): Promise<void>;
}

/** The log `copies` in a folder beside the archive. */
export function openCopies(place: LocalPlace, folder: string): Copies {
  const path = join(folder, "copies");
  const lives = new Map<string, string>();
  const versions = new Map<string, { version: string; modified: number }>();
  const deaths = new Map<string, Death>();
  let read = { inode: 0, until: 0 };
  let dirty = false;

  const nameOf = (inode: number) => `${inode}${lives.get(`${inode}`) ?? ""}`;
  const keyOf = (inode: number, { header }: Entry) => `${nameOf(inode)}.${header}`;

  function refresh(): void {
    const stats = lookAt(path);
    if (!stats) return forget(0);
    if (stats.ino !== read.inode || stats.size < read.until) forget(stats.ino);
    if (stats.size === read.until) return;
    const bytes = new Uint8Array(stats.size - read.until);
    const fd = openSync(path, "r");
    try {
      const text = Buffer.from(bytes.buffer, 0, readAt(fd, bytes, read.until)).toString();
      // The last line may not be whole yet.
      const end = text.lastIndexOf("\n") + 1;
      for (const line of text.slice(0, end).split("\n")) take(line.split(" "));
      read = { ...read, until: read.until + Buffer.byteLength(text.slice(0, end)) };
    } finally {
      closeSync(fd);
    }
  }

  function forget(inode: number): void {
    for (const map of [lives, versions, deaths]) map.clear();
    read = { inode, until: 0 };
  }

  function take([kind, key = "", what = "", time = ""]: string[]): void {
    if (kind === "file") lives.set(key, what);
    if (kind === "copy") versions.set(key, { version: what, modified: Number(time) });
    if (kind === "dead") deaths.set(key, { batch: what, removed: Number(time) });
  }

  function linesOf(inode: number, notes: readonly Note[]): string {
    return notes.map((note) => {
      const key = keyOf(inode, note.entry);
      return "version" in note
        ? `copy ${key} ${note.version} ${note.modified}\n`
        : `dead ${key} ${note.batch} ${note.removed}\n`;
    }).join("");
  }

  return {
    refresh,
    nameOf,

    infoOf(inode, entry) {
      const { digest, size, mtime } = entry;
      const key = keyOf(inode, entry);
      const { version = `@${key}`, modified = mtime * 1000 } = versions.get(key) ?? {};
      return { digest, size, version, modified: new Date(modified) };
    },

    deathOf: (inode, entry) =>
      deaths.get(keyOf(inode, entry)) ?? { batch: "loose", removed: entry.mtime * 1000 },

    note(inode, notes) {
      if (notes.length === 0) return;
      refresh();
      const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o644);
      try {
        // A line that a crash or a full disk has torn makes way.
        ftruncateSync(fd, read.until);
        writeAt(fd, Buffer.from(linesOf(inode, notes)), read.until);
      } finally {
        closeSync(fd);
      }
      dirty = true;
      refresh();
    },

    renew(former, inode, notes) {
      // The former file is the one that stands there until the new one takes its place.
      const before = `${nameOf(former)}.`;
      const kept = [
        ...lives.has(`${former}`) ? [`file ${former} ${lives.get(`${former}`)}`] : [],
        ...[...versions].filter(([key]) => key.startsWith(before))
          .map(([key, { version, modified }]) => `copy ${key} ${version} ${modified}`),
        ...[...deaths].filter(([key]) => key.startsWith(before))
          .map(([key, { batch, removed }]) => `dead ${key} ${batch} ${removed}`),
      ].map((line) => `${line}\n`).join("");
      const life = `-${randomHex(place.clock, 12)}`;
      lives.set(`${inode}`, life);
      const fresh = join(place.tmp, uniqueName(place.clock));
      const fd = openSync(fresh, "wx", 0o644);
      try {
        try {
          writeAt(fd, Buffer.from(`${kept}file ${inode} ${life}\n${linesOf(inode, notes)}`), 0);
          if (place.disk.durable) fsyncSync(fd);
        } finally {
          closeSync(fd);
        }
        renameSync(fresh, path);
      } catch (error) {
        rmSync(fresh, { force: true });
        throw error;
      } finally {
        forget(0);
        refresh();
      }
    },

    async flush() {
      if (!dirty) return;
      dirty = false;
      const fd = openSync(path, "r");
      try {
        await place.disk.syncFile(fd);
      } finally {
        closeSync(fd);
      }
    },
  };
}
