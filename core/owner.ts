import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { basename } from "node:path";
import process from "node:process";

/** Who holds a lease: for people, and to tell a dead process from a slow one. */
export interface Owner {
  /** Name of the machine, empty where the right to ask is denied. */
  readonly host: string;
  /** Names one boot of it and the space its process numbers are from, empty where that cannot be told. */
  readonly boot: string;
  /** Process number. */
  readonly pid: number;
  /** What runs there. */
  readonly command: string;
}

function guarded(ask: () => string): string {
  try {
    return ask().trim();
  } catch {
    return "";
  }
}

/** This process. */
export function thisProcess(): Owner {
  return {
    host: guarded(hostname),
    // Containers of one boot number their processes apart.
    boot: guarded(() =>
      `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${
        readlinkSync("/proc/self/ns/pid")
      }`
    ),
    pid: process.pid,
    command: guarded(() => basename(process.argv[1] ?? "")) || "unknown",
  };
}

/** Whether a process may still run, as far as can be told from `here`: false only where it surely does not. */
export function mayRun(owner: Owner, here: Owner): boolean {
  if (here.boot === "" || owner.boot !== here.boot || owner.host !== here.host) return true;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code !== "ESRCH";
  }
}
