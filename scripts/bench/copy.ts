import { mkdir, rm, writeFile } from "node:fs/promises";
import { at, compare, randomFile, type Run, STOWAGE, stowage } from "./pairs.ts";

/** A layout of one image whose eight layers have `mib` MiB together. */
export async function image(place: string, mib: number): Promise<void> {
  const files: string[] = [];
  for (let n = 0; n < 8; n++) {
    files.push(`${at(`layer${n}`)}:application/vnd.oci.image.layer.v1.tar`);
    await randomFile(at(`layer${n}`), mib / 8);
  }
  const config = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [] },
  });
  await writeFile(at("config.json"), config);
  const type = "application/vnd.oci.image.config.v1+json";
  await stowage("init", place);
  await stowage("push", "--image-config", `${at("config.json")}:${type}`, `${place}:v1`, ...files);
}

/** Copying an image of a gigabyte from directory to directory, beside others. */
export async function copy(): Promise<void> {
  await image(at("image"), 1024);
  const target = at("target");
  const reset = async () => {
    await rm(target, { recursive: true, force: true });
    await mkdir(target, { recursive: true });
  };
  const source = at("image");
  const ours = [STOWAGE, "copy", "--create", `${source}:v1`, target];
  const peers: [string, Run, string][] = [
    ["skopeo", ["skopeo", "copy", `oci:${source}:v1`, `oci:${target}:v1`], "at most 0.33"],
    [
      "regctl",
      ["regctl", "image", "copy", `ocidir://${source}:v1`, `ocidir://${target}:v1`],
      "at most 1",
    ],
    ["oras-go", ["oras-go", "copy", source, "v1", target], "at most 1"],
  ];
  for (const [name, peer, promise] of peers) {
    await compare({
      name: `copy 1 GiB, beside ${name}`,
      promise,
      figure: "wall",
      ours,
      peer,
      reset,
    });
  }
}
