import { at, cost, randomFile, STOWAGE, stowage } from "./pairs.ts";

/** The most memory that two gigabytes take. */
export async function memory(): Promise<void> {
  await randomFile(at("two"), 2048);
  await stowage("init", at("memory"));
  const { peak } = await cost([STOWAGE, "push", `${at("memory")}:v1`, at("two")]);
  const back = await cost([STOWAGE, "pull", `${at("memory")}:v1`, "-o", at("back")]);
  console.log(`memory: push ${peak} MiB, pull ${back.peak} MiB of 2 GiB; promised: at most 150`);
}
