import { mkdirSync, rmdirSync, type Stats, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../clock.ts";
import { errnoOf } from "./file_error.ts";
import { lookAt, timeOf } from "./files.ts";
import type { Done, LockfileSystem } from "./proper_lockfile.d.ts";

/** The folder that is a lock while it exists, as one holder knows it. */
export interface LockFolder {
  /** The file system that proper-lockfile sees. */
  readonly fs: LockfileSystem;
  /** Milliseconds since the lock was last proven ours, by the clock that says more. */
  age(): number;
  /** Whether the folder is still the one we made, as we last touched it. */
  intact(): boolean;
}

/** Where a lock is and what its holders agree on. */
export interface LockPlace {
  /** The folder. */
  readonly path: string;
  /** A folder of the same file system, for claims. */
  readonly tmp: string;
  /** Milliseconds after which an untouched lock is stale. */
  readonly stale: number;
  readonly clock: Clock;
}

// The number of a removed folder is soon given to the next one: only both together tell two locks apart.
const identity = (stats: Stats) => `${stats.ino}-${timeOf(stats)}`;

/**
 * Guards the steps of proper-lockfile that go by path alone: a release removes only the folder that was made here, a
 * takeover only the stale one that was looked at, so neither removes the fresh lock of somebody else.
 */
export function lockFolder({ path, tmp, stale, clock }: LockPlace): LockFolder {
  let mine: string | undefined;
  let seen: string | undefined;
  let proof = { elapsed: 0, now: 0 };

  const intact = () => {
    const stats = lookAt(path);
    return stats !== undefined && identity(stats) === mine;
  };
  /** Makes a change and notes what the folder is like then, and that it was ours when the change began. */
  const touch = (change: () => void) => {
    const began = { elapsed: clock.elapsed(), now: clock.now() };
    change();
    const stats = lookAt(path);
    if (!stats) throw missing();
    mine = identity(stats);
    proof = began;
  };
  const release = () => {
    if (intact()) rmdirSync(path);
    mine = undefined;
  };

  /** Of all who saw the same stale lock, the one who makes the claim removes it. */
  const takeOver = () => {
    const claim = claimOf(join(tmp, `stale-${seen}`), stale, clock);
    try {
      const stats = lookAt(path);
      if (stats && identity(stats) !== seen) throw held();
      if (stats) rmdirSync(path);
    } finally {
      rmdirSync(claim);
    }
  };

  return {
    intact,
    age: () => Math.max(clock.elapsed() - proof.elapsed, clock.now() - proof.now),
    fs: {
      mkdir: (path, done) => answer(done, () => touch(() => makeLock(path))),
      utimes: (path, atime, mtime, done) =>
        answer(done, () => {
          if (!intact()) throw missing();
          touch(() => utimesSync(path, atime, mtime));
        }),
      stat: (path, done) =>
        answer(done, () => {
          const stats = statSync(path);
          seen = identity(stats);
          return stats;
        }),
      rmdir: (_, done) => answer(done, mine === undefined ? takeOver : release),
      rmdirSync: release,
    },
  };
}

/** Calls back once the work is done: at once, as nothing may happen between a look and what follows from it. */
function answer<T>(done: Done<T>, work: () => T): void {
  let result: T;
  try {
    result = work();
  } catch (error) {
    return done(error);
  }
  done(null, result);
}

function makeLock(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true });
    mkdirSync(path);
  }
}

/** Makes the first claim that is not taken; one that was left behind is passed by, never reused. */
function claimOf(name: string, stale: number, clock: Clock): string {
  for (let n = 0;; n++) {
    const claim = `${name}.${n}`;
    try {
      mkdirSync(claim);
      return claim;
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
    const stats = lookAt(claim);
    if (stats && clock.now() - timeOf(stats) < stale) throw held();
  }
}

const held = () => Object.assign(new Error("Lock file is already being held"), { code: "ELOCKED" });
const missing = () => Object.assign(new Error("The lock is gone"), { code: "ENOENT" });
