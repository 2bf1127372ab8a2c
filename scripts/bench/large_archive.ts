import { rm } from "node:fs/promises";
import { archiveMemory } from "./archive.ts";
import { at, cost, median, MIB, randomFile, type Run, STOWAGE, stowage } from "./pairs.ts";
import { sparseLayers, writeSparseArchive } from "./sparse_archive.ts";

const TIMES = 5;

/** A command of an instant beside one of a minute: the first a few times, the second once. */
async function beside(name: string, ours: (n: number) => Run, peer: Run): Promise<void> {
  const long = (await cost(peer)).wall;
  const short: number[] = [];
  for (let n = 0; n < TIMES; n++) short.push((await cost(ours(n))).wall);
  const wall = median(short);
  console.log(
    `${name}: ${Math.round(long / wall)} times as fast as ${peer[0]} ${peer[1]} ` +
      `(${wall.toFixed(3)} and ${long.toFixed(1)} s); promised: at least 100`,
  );
}

/** An archive of ten gigabytes: looked into, beside skopeo, and grown by a megabyte, beside writing it anew. */
export async function largeArchive(): Promise<void> {
  const [file, anew, small] = [at("large.tar"), at("anew.tar"), at("small")];
  await writeSparseArchive(file, sparseLayers(10, 1024 * MIB));
  for (let n = 0; n <= TIMES; n++) {
    await randomFile(at(`part-${n}`), 1);
    await stowage("push", "-q", "--create", `${small}:v${n}`, at(`part-${n}`));
  }
  const [looked, grown] = ["tar, inspect 10 GiB", "tar, add 1 MiB to 10 GiB"];
  const inspect = [STOWAGE, "inspect", `${file}:v1`];
  const add = (n: number) => [STOWAGE, "copy", `${small}:v${n}`, `${file}:add-${n}`];
  await beside(looked, () => inspect, [
    "skopeo",
    "inspect",
    "--tmpdir",
    at("."),
    `oci-archive:${file}:v1`,
  ]);
  await archiveMemory(looked, inspect);
  // An archive is never added to by skopeo: one more image means writing all of it anew.
  await beside(grown, add, [
    "skopeo",
    "copy",
    "--tmpdir",
    at("."),
    `oci-archive:${file}:v1`,
    `oci-archive:${anew}:v1`,
  ]);
  await rm(anew);
  await archiveMemory(grown, add(TIMES));
}
