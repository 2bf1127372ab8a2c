import { closeSync, fdatasync, fsync, lstatSync, mkdirSync, openSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import type { Durability } from "../backend.ts";
import { type Clock, randomHex } from "../clock.ts";
import { OciError } from "../errors.ts";
import { errnoOf } from "./file_error.ts";

/** Told the name of each step after which a crash would leave something new, before it is taken; may wait. */
export type OnStep = (name: string) => void | Promise<void>;

/** The steps by which something reaches the disk, in one place. */
export interface Disk {
  /** Whether success waits for the disk. */
  readonly durable: boolean;
  /** Announces the next step. */
  step(name: string): Promise<void>;
  /** Waits until the bytes of an open file are on the disk. */
  syncFile(fd: number): Promise<void>;
  /** Waits until the names in a folder are on the disk. */
  syncFolder(path: string): Promise<void>;
  /** Makes a folder and those above it; present counts as success. */
  makeFolder(path: string): Promise<void>;
}

const [syncData, syncAll] = [promisify(fdatasync), promisify(fsync)];

/** The disk as it is used with that durability: `none` waits for nothing. */
export function createDisk(durability: Durability, onStep?: OnStep): Disk {
  const durable = durability !== "none";
  const disk: Disk = {
    durable,
    async step(name) {
      if (onStep) await onStep(name);
    },
    async syncFile(fd) {
      if (durable) await syncData(fd);
    },
    async syncFolder(path) {
      if (!durable || process.platform === "win32") return;
      const fd = openSync(path, "r");
      try {
        await syncAll(fd);
      } finally {
        closeSync(fd);
      }
    },
    async makeFolder(path) {
      if (lookAt(path)) return;
      if (!made(path)) {
        await disk.makeFolder(dirname(path));
        if (!made(path)) return;
      }
      await disk.syncFolder(dirname(path));
    },
  };
  return disk;
}

/** Whether this call has made the folder; false if somebody else has, or there is none above it. */
function made(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o755 });
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST" || errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** What is at a path, links not followed; undefined if nothing is. */
export function lookAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** The time of a file's last change in whole milliseconds, as all runtimes can set and read it. */
export function timeOf(stats: Stats): number {
  return Math.floor(stats.mtimeMs);
}

/** Throws `invalid` if this is a folder, `unsupported` for anything else but a file: a link would lead out of the place. */
export function assertRegular(stats: Stats, action: string): void {
  if (stats.isFile()) return;
  const code = stats.isDirectory() ? "invalid" : "unsupported";
  throw new OciError(code, `${action}: it is no regular file`);
}

/** Gives whole milliseconds, each one later than the one before and than `after`: the clock's, where that is so. */
export function steadyTime(clock: Clock): (after?: number) => number {
  let last = 0;
  return (after = 0) => last = Math.max(Math.floor(clock.now()), last + 1, after + 1);
}

/** A file name that nobody else uses. */
export function uniqueName(clock: Clock): string {
  return randomHex(clock, 24);
}
