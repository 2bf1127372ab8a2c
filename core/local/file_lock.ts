import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import { messageOf, OciError } from "../errors.ts";
import type { Lease, LockOptions } from "../lock.ts";
import { type Owner, thisProcess } from "../owner.ts";
import { errnoOf, fileError } from "./file_error.ts";
import { uniqueName } from "./files.ts";
import { lockFolder, type LockPlace } from "./lock_folder.ts";
import type { Lockfile } from "./proper_lockfile.d.ts";

/** How file locks are kept. */
export interface FileLockOptions {
  /** Time and chance. Staleness goes by the machine's own clock. */
  readonly clock: Clock;
  /** An existing folder of the same file system, for what is short-lived. */
  readonly tmp: string;
  /** Milliseconds after which an untouched lock may be taken over, at least 2,000; default 10,000. */
  readonly stale?: number;
}

/** How a file lock is asked for. */
export interface FileLockRequest extends Omit<LockOptions, "mode"> {
  /** Called before each attempt: throws once the lock is no longer wanted. */
  readonly before?: () => void;
}

/** A lock that knows no shared holders, and whose waiting can be given up. */
export interface FileLock {
  /**
   * Takes the lock of that name.
   *
   * @throws {OciError} `locked` naming the holder, `aborted`, and what `before` throws.
   */
  acquire(name: string, options?: FileLockRequest): Promise<Lease>;
}

const [FIRST_PAUSE, LONGEST_PAUSE] = [1, 40];

/**
 * Exclusive locks by name, each a folder in `folder` while it is held: for milliseconds, by any number of processes.
 * A holder that dies is replaced after `stale`; one that sleeps that long gets `lease_lost`.
 */
export function fileLock(
  folder: string,
  { clock, tmp, stale = 10_000 }: FileLockOptions,
): FileLock {
  let owner: Owner | undefined;
  return {
    async acquire(name, { wait = 0, signal, before } = {}) {
      const path = join(folder, name);
      const action = `Cannot lock "${path}"`;
      const end = clock.elapsed() + wait;
      for (let pause = FIRST_PAUSE;; pause = Math.min(LONGEST_PAUSE, pause * 1.5)) {
        if (signal?.aborted) throw aborted(action, signal.reason);
        before?.();
        owner ??= thisProcess();
        const lease = await attempt({ path, tmp, stale, clock }, owner);
        if (lease) return lease;
        const left = end - clock.elapsed();
        if (left <= 0) throw new OciError("locked", `${action}: ${holderOf(path)}`);
        await clock.sleep(Math.min(left, pause * (0.5 + clock.random())), signal).catch(
          (reason) => {
            throw aborted(action, reason);
          },
        );
      }
    },
  };
}

/** Takes the lock if it is free or stale. */
async function attempt(
  place: LockPlace,
  { host, pid, command }: Owner,
): Promise<Lease | undefined> {
  const { path, stale, clock } = place;
  const folder = lockFolder(place);
  // Loaded by the first writer: it asks for names of the environment, a right that readers need not have.
  const door = await import("npm:proper-lockfile@4.1.2");
  const { lock } = door.default as Lockfile;
  const lost = new AbortController();
  const lose = (why: string) => {
    if (!lost.signal.aborted) {
      lost.abort(new OciError("lease_lost", `Cannot rely on lock "${path}": ${why}`));
    }
  };
  try {
    // The package keeps its locks in a table by `file`: a name used once keeps a late release from the next lock.
    const release = await lock(join(path, uniqueName(clock)), {
      lockfilePath: path,
      realpath: false,
      stale,
      update: stale / 4,
      retries: 0,
      fs: folder.fs,
      onCompromised: (error) => lose(messageOf(error)),
    });
    const since = new Date(clock.now()).toISOString();
    noteHolder(path, JSON.stringify({ host, pid, command, since }));
    return {
      signal: lost.signal,
      assertHeld() {
        const age = folder.age();
        if (age > 0.6 * stale) lose(`it was not renewed for ${Math.round(age / 1000)} s`);
        else if (!folder.intact()) lose("another holder took it over");
        lost.signal.throwIfAborted();
      },
      async [Symbol.asyncDispose]() {
        lose("it was released");
        // One that cannot be released runs out by itself.
        await release().catch(() => {});
      },
    };
  } catch (error) {
    if (errnoOf(error) === "ELOCKED") return undefined;
    throw fileError(error, `Cannot lock "${path}"`);
  }
}

const ownerOf = (path: string) => `${path}.owner`;
const NOTE_LENGTH = 512;

/** Leaves a note for people: it proves nothing. Always as long, as a file that is cut first is slow to close. */
function noteHolder(path: string, note: string): void {
  try {
    const fd = openSync(ownerOf(path), constants.O_WRONLY | constants.O_CREAT, 0o644);
    try {
      writeSync(fd, note.padEnd(NOTE_LENGTH), 0);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Nobody depends on it.
  }
}

function holderOf(path: string): string {
  try {
    const { host, pid, command, since } = JSON.parse(readFileSync(ownerOf(path), "utf8"));
    return `held by ${command}, process ${pid} on "${host}", since ${since}`;
  } catch {
    return "it is held";
  }
}

function aborted(action: string, cause: unknown): OciError {
  return new OciError("aborted", `${action}: ${messageOf(cause)}`, { cause });
}
