import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { image } from "./copy.ts";
import { at, compare, cost, median, type Run, STOWAGE, stowage } from "./pairs.ts";
import { sparseLayers, writeSparseArchive } from "./sparse_archive.ts";

const MOST = "at most 120 MiB";

/** Prints the most memory that a command takes of an archive. */
export async function archiveMemory(what: string, run: Run): Promise<void> {
  const { peak } = await cost(run);
  console.log(`${what}: ${peak} MiB of memory; promised: ${MOST}`);
}

/** An image of a gigabyte, brought from a directory into an archive and back, beside skopeo. */
export async function archive(): Promise<void> {
  const [directory, file, out] = [at("image"), at("image.tar"), at("out")];
  await image(directory, 1024);
  // Neither has to bring to the disk what the other left to it.
  const without = async () => {
    await rm(file, { force: true });
    await rm(`${file}.stowage`, { recursive: true, force: true });
    spawnSync("sync");
  };
  const outside = async () => {
    await rm(out, { recursive: true, force: true });
    spawnSync("sync");
  };
  const promise = "at most 0.33";
  const [into, from] = ["tar, 1 GiB from a directory", "tar, 1 GiB to a directory"];
  const ours = {
    into: [STOWAGE, "copy", `${directory}:v1`, file],
    from: [STOWAGE, "copy", "--create", `${file}:v1`, out],
  };
  const peer = {
    into: ["skopeo", "copy", `oci:${directory}:v1`, `oci-archive:${file}:v1`],
    from: ["skopeo", "copy", `oci-archive:${file}:v1`, `oci:${out}:v1`],
  };
  const same = { promise, figure: "wall", settled: true } as const;
  await compare({ name: into, ours: ours.into, peer: peer.into, reset: without, ...same });
  await without();
  await archiveMemory(into, ours.into);
  await compare({ name: from, ours: ours.from, peer: peer.from, reset: outside, ...same });
  await outside();
  await archiveMemory(from, ours.from);
}

/** Reading the headers of five thousand members, beyond what an empty archive takes. */
export async function archiveScan(): Promise<void> {
  const [many, none] = [at("many.tar"), at("none.tar")];
  await writeSparseArchive(many, sparseLayers(5000, 1 << 16));
  await stowage("init", "-q", none);
  const more: Record<"wall" | "cpu", number[]> = { wall: [], cpu: [] };
  for (let n = 0; n < 21; n++) {
    const [a, b] = [await cost([STOWAGE, "inspect", many]), await cost([STOWAGE, "inspect", none])];
    for (const figure of ["wall", "cpu"] as const) more[figure].push(a[figure] - b[figure]);
  }
  const ms = (figures: number[]) => (median(figures) * 1000).toFixed(0);
  console.log(
    `tar, scan of 5,000 members: ${ms(more.wall)} ms of wall and ${ms(more.cpu)} of CPU beyond ` +
      "an empty archive; promised: under 60",
  );
}
