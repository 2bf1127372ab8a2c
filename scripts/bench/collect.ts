import { spawnSync } from "node:child_process";
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeSynthetic } from "../synthetic.ts";
import { at, compare, type Cost, cost, MIB, type Run, STOWAGE, stowage } from "./pairs.ts";

const COLLECT = ["--grace", "0", "--trash", "0", "--quiet"];

/** Collecting a tenth of a layout, beside those who can. */
export async function collect(): Promise<void> {
  const place = at("layout");
  const peers: [number, Run][] = [
    [100_000, ["umoci", "gc", "--layout", place]],
    // Their work grows with the square of the number: more than these would take minutes.
    [10_000, ["crane", "layout", "gc", place]],
    [10_000, ["regctl", "tag", "delete", `ocidir://${place}:tag-0`]],
  ];
  for (const [blobs, peer] of peers) {
    const whole = at(`whole-${blobs}`);
    await rm(whole, { recursive: true, force: true });
    await makeSynthetic(whole, blobs);
    // Links are made faster than files, and only documents are ever written to.
    const reset = async () => {
      await rm(place, { recursive: true, force: true });
      spawnSync("cp", ["-al", whole, place]);
      for (const document of ["index.json", "oci-layout"]) {
        await rm(join(place, document));
        await copyFile(join(whole, document), join(place, document));
      }
    };
    for (const figure of ["wall", "cpu"] as const) {
      await compare({
        name: `gc of ${blobs} blobs`,
        promise: "at most 0.2",
        figure,
        ours: [STOWAGE, "gc", place, ...COLLECT],
        peer,
        reset,
        runs: 3,
      });
    }
  }
}

/** What a million blobs cost beyond none, and each of them beyond a thousand, for which the same code is loaded. */
export async function collectMillion(): Promise<void> {
  await stowage("init", "-q", at("none"));
  await makeSynthetic(at("thousand"), 1000);
  const { blobs, garbage } = await makeSynthetic(at("million"), 1_000_000);
  const gc = (name: string) => cost([STOWAGE, "gc", at(name), ...COLLECT]);
  const [none, few, all] = [await gc("none"), await gc("thousand"), await gc("million")];
  const each = ({ peak }: Cost) => Math.round((all.peak - peak) * MIB / blobs);
  console.log(
    `gc of ${blobs} blobs, ${garbage} of them garbage: ${all.wall.toFixed(1)} s ` +
      `(${all.cpu.toFixed(1)} s of processor), promised: under 60; ${each(few)} bytes of memory ` +
      `each beyond a thousand, ${each(none)} beyond none (${all.peak} MiB, ${few.peak}, ` +
      `${none.peak}), promised: at most 64`,
  );
}
