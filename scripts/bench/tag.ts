import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { at, cost, median, STOWAGE, stowage } from "./pairs.ts";

/** A layout that lists one small artifact under `names` names. */
async function manyNames(place: string, names: number): Promise<void> {
  await writeFile(at("small"), "small");
  await stowage("init", place);
  await stowage("push", `${place}:tag-0`, at("small"));
  const index = JSON.parse(await readFile(join(place, "index.json"), "utf8"));
  const [entry] = index.manifests;
  index.manifests = Array.from({ length: names }, (_, n) => ({
    ...entry,
    digest: n === 7 ? entry.digest : `sha256:${createHash("sha256").update(`${n}`).digest("hex")}`,
    annotations: { ...entry.annotations, "org.opencontainers.image.ref.name": `tag-${n}` },
  }));
  await writeFile(join(place, "index.json"), JSON.stringify(index));
}

/** One more name in an index of ten thousand. */
export async function tag(): Promise<void> {
  await manyNames(at("names"), 10_000);
  await manyNames(at("few"), 8);
  const added = async (place: string, n: number) => {
    // An index that was written just now is read twice, as its times cannot tell yet whether it has changed.
    await sleep(250);
    return (await cost([STOWAGE, "tag", `${at(place)}:tag-7`, `extra-${n}`])).cpu;
  };
  const overFew: number[] = [];
  const overVersion: number[] = [];
  for (let n = 0; n < 20; n++) {
    const among = await added("names", n);
    overFew.push(among - await added("few", n));
    overVersion.push(among - (await cost([STOWAGE, "version"])).cpu);
  }
  const ms = (costs: number[]) => (median(costs) * 1000).toFixed(0);
  console.log(
    `tag among 10,000: ${ms(overFew)} ms of CPU beyond the same among 8, ` +
      `${ms(overVersion)} ms beyond "version"; promised: at most 30 beyond start-up`,
  );
}
