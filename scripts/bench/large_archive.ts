import { rm } from "node:fs/promises";
import { archiveMemory } from "./archive.ts";
import { image } from "./copy.ts";
import { at, compare, MIB, STOWAGE } from "./pairs.ts";
import { sparseLayers, writeSparseArchive } from "./sparse_archive.ts";

/** An archive of ten gigabytes, looked into, and grown by an image of a megabyte, beside skopeo. */
export async function largeArchive(): Promise<void> {
  const [file, rewritten, small] = [at("large.tar"), at("rewritten.tar"), at("small")];
  const layers = sparseLayers(10, 1024 * MIB);
  const anew = async () => {
    await rm(rewritten, { force: true });
    await rm(`${file}.stowage`, { recursive: true, force: true });
    await writeSparseArchive(file, layers);
  };
  const skopeo = ["skopeo", "--tmpdir", at(".")];
  const figure = "wall";
  const [looked, grown] = ["tar, inspect 10 GiB", "tar, add 1 MiB to 10 GiB"];
  const inspect = [STOWAGE, "inspect", `${file}:v1`];
  const add = [STOWAGE, "copy", `${small}:v1`, `${file}:v2`];
  await anew();
  await image(small, 1);
  await compare({
    name: looked,
    promise: "at most 0.01",
    figure,
    ours: inspect,
    peer: [...skopeo, "inspect", `oci-archive:${file}:v1`],
    runs: 1,
  });
  await archiveMemory(looked, inspect);
  // An archive is never added to by skopeo: whoever wants one more image in it writes all of it anew.
  await compare({
    name: grown,
    promise: "at most 0.01",
    figure,
    ours: add,
    peer: [...skopeo, "copy", `oci-archive:${file}:v1`, `oci-archive:${rewritten}:v1`],
    reset: anew,
    runs: 1,
  });
  await anew();
  await archiveMemory(grown, add);
}
