import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { createDisk, docFiles, fileLock, steadyTime, systemClock } from "../../core/mod.ts";
import { openState, type State } from "./state.ts";

/** The state kept in a file of this machine: replaced as a whole, under a lock, and on the disk before it counts. */
export function stateFile(file: string): State {
  const path = realPath(file);
  const folder = dirname(path);
  const clock = systemClock;
  const lock = fileLock(folder, { clock, tmp: folder });
  const docs = docFiles({
    clock,
    disk: createDisk("full"),
    tmp: folder,
    time: steadyTime(clock),
    readOnly: false,
    writing: () => Promise.resolve(),
    notice() {},
  }, {
    pathOf: (name) => name.endsWith("/") || name === "" ? folder : path,
    folders: [""],
    reserved: [],
    lock: { acquire: (_, how) => lock.acquire(`${basename(path)}.lock`, how) },
    wait: 30_000,
    flush: () => Promise.resolve(),
  });
  return { ...openState(docs, file), path };
}

/** Where a file lies, whatever links lead there; the file and the folders it is in need not be there. */
export function realPath(file: string): string {
  const path = resolve(file);
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(realPath(folder), basename(path));
  }
}
