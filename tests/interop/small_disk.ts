// A small file system in memory, and how full it is.
import { readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { unless } from "../skip.ts";
import { run, scratch } from "./tools.ts";

/** Options of a test that mounts one. */
export const alone = unless(process.getuid?.() !== 0 && "only root may mount");

/** Runs `body` on a file system of 2 MiB, in memory. */
export async function onSmallDisk(body: (disk: string) => Promise<void>): Promise<void> {
  const disk = join(await scratch(), "disk");
  await mkdir(disk);
  run("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]);
  try {
    await body(disk);
  } finally {
    run("umount", ["-l", disk]);
  }
}

/** Removes all that is on a disk. */
export function empty(disk: string): void {
  for (const name of readdirSync(disk)) rmSync(join(disk, name), { recursive: true });
}

/** Fills a disk but for so many bytes, until the scope ends. */
export function filled(disk: string, room: number): Disposable {
  const { bavail, bsize } = statfsSync(disk);
  const filler = join(disk, "filler");
  writeFileSync(filler, new Uint8Array(Math.max(0, bavail * bsize - room)));
  return { [Symbol.dispose]: () => rmSync(filler) };
}
