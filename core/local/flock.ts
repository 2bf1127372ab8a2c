import { closeSync, fstatSync, openSync } from "node:fs";
import type { Clock } from "../clock.ts";
import { OciError } from "../errors.ts";
import { fileError } from "./file_error.ts";
import { lookAt } from "./files.ts";

/** A file that the kernel has locked for this process alone. */
export interface Flock extends Disposable {
  /** Throws `lease_lost` once the path leads to another file: a lock on a removed file keeps nobody out. */
  assertHeld(): void;
}

/** An open file that can be locked. */
interface Lockable {
  readonly inode: number;
  tryLock(): boolean;
  close(): void;
}

type OpenLockable = (path: string) => Lockable;

/**
 * Locks a file with `flock`, made if it is missing and never removed here; undefined where the runtime offers no
 * `flock`. Released by the kernel when the process dies.
 *
 * @throws {OciError} `locked` after `wait` milliseconds.
 */
export async function flock(
  path: string,
  { clock, wait }: { clock: Clock; wait: number },
): Promise<Flock | undefined> {
  const open = await runtimeOpener();
  if (!open) return undefined;
  const end = clock.elapsed() + wait;
  while (true) {
    const file = opened(open, path);
    const current = () => lookAt(path)?.ino === file.inode;
    try {
      const free = file.tryLock();
      for (let pause = 1; !free && !file.tryLock(); pause = Math.min(50, pause * 2)) {
        if (clock.elapsed() >= end) {
          throw new OciError("locked", `Cannot lock "${path}": another program holds it`);
        }
        await clock.sleep(pause * (0.5 + clock.random()));
      }
      // A former holder may unlock first and remove the file then.
      if (!free) await clock.sleep(5);
    } catch (error) {
      file.close();
      throw fileError(error, `Cannot lock "${path}"`);
    }
    if (current()) return held(path, file, current);
    file.close();
    // A link leads to another file each time.
    if (clock.elapsed() >= end) {
      throw new OciError("locked", `Cannot lock "${path}": another file stands there each time`);
    }
  }
}

function held(path: string, file: Lockable, current: () => boolean): Flock {
  return {
    assertHeld() {
      if (!current()) throw new OciError("lease_lost", `Cannot rely on "${path}": it was removed`);
    },
    [Symbol.dispose]: () => file.close(),
  };
}

function opened(open: OpenLockable, path: string): Lockable {
  try {
    return open(path);
  } catch (error) {
    throw fileError(error, `Cannot open "${path}"`);
  }
}

/** What is used of Deno's files. */
interface DenoRuntime {
  openSync(path: string, options: object): {
    tryLockSync(exclusive: boolean): boolean;
    statSync(): { ino: number | null };
    close(): void;
  };
}

/** What is used of `bun:ffi`. */
interface BunFfi {
  dlopen(library: string, symbols: object): {
    symbols: { flock(fd: number, operation: number): number };
  };
}

const LIBRARIES = [
  "libc.so.6",
  "libc.musl-x86_64.so.1",
  "libc.musl-aarch64.so.1",
  "libSystem.B.dylib",
];
const EXCLUSIVE_NOW = 2 | 4;

async function runtimeOpener(): Promise<OpenLockable | undefined> {
  const { Deno, Bun } = globalThis as { Deno?: DenoRuntime; Bun?: unknown };
  if (Deno) {
    return typeof Deno.openSync === "function" ? (path) => openInDeno(Deno, path) : undefined;
  }
  if (!Bun) return undefined;
  // Not a literal, which Deno would try to resolve.
  const name = "bun:ffi";
  const { dlopen } = await import(name) as BunFfi;
  for (const library of LIBRARIES) {
    try {
      const symbol = { args: ["i32", "i32"], returns: "i32" };
      const { symbols } = dlopen(library, { flock: symbol });
      return (path) => openWith(symbols.flock, path);
    } catch {
      // Not on this system.
    }
  }
  return undefined;
}

function openInDeno(deno: DenoRuntime, path: string): Lockable {
  const file = deno.openSync(path, { read: true, write: true, create: true });
  return {
    inode: file.statSync().ino ?? 0,
    tryLock: () => file.tryLockSync(true),
    close: () => file.close(),
  };
}

function openWith(flock: (fd: number, operation: number) => number, path: string): Lockable {
  const fd = openSync(path, "a+");
  return {
    inode: fstatSync(fd).ino,
    tryLock: () => flock(fd, EXCLUSIVE_NOW) === 0,
    close: () => closeSync(fd),
  };
}
