import { spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { at, compare, randomFile, STOWAGE, stowage } from "./pairs.ts";

/** Storing and verifying a gigabyte, beside hashing it. */
export async function store(): Promise<void> {
  await randomFile(at("one"), 1024);
  const place = at("store");
  const reset = async () => {
    await rm(place, { recursive: true, force: true });
    await stowage("init", "-q", place);
    // What earlier runs have left to be written is no cost of the next one.
    spawnSync("sync");
  };
  await compare({
    name: "store and verify 1 GiB",
    promise: "at most 1.4",
    figure: "cpu",
    ours: [STOWAGE, "push", `${place}:v1`, at("one")],
    peer: ["openssl", "dgst", "-sha256", at("one")],
    reset,
    settled: true,
  });
}
