import { writeFile } from "node:fs/promises";
import { at, cost, median, STOWAGE, stowage } from "./pairs.ts";

/** What signing adds to a name once the key is loaded, and what a thousand signed names cost to verify. */
export async function sign(): Promise<void> {
  const place = at("signed");
  const key = at("key");
  await stowage("key", "generate", "--unencrypted", "--out", key);
  await writeFile(at("small"), "small");
  await stowage("push", "--create", `${place}:v1`, at("small"));
  const flags = ["--sign-key", `${key}.key`, "--scope", "bench"];
  const names = (count: number, run: string) =>
    Array.from({ length: count }, (_, n) => `${run}-${n}`);
  const tag = async (run: string, count: number, ...more: string[]) =>
    (await cost([STOWAGE, "tag", `${place}:v1`, ...names(count, run), ...more])).cpu;
  const added: number[] = [];
  for (let n = 0; n < 7; n++) {
    const signed = await tag(`s${n}`, 41, ...flags) - await tag(`t${n}`, 1, ...flags);
    const plain = await tag(`p${n}`, 41) - await tag(`q${n}`, 1);
    added.push((signed - plain) / 40);
  }
  console.log(
    `sign: ${(median(added) * 1000).toFixed(1)} ms of CPU more for a name; promised: at most 5`,
  );
  const thousand = at("thousand");
  await stowage("copy", "--create", `${place}:v1`, `${thousand}:v1`);
  for (let n = 0; n < 5; n++) {
    await stowage("tag", "-q", `${thousand}:v1`, ...names(200, `n${n}`), ...flags);
  }
  const verified: number[] = [];
  for (let n = 0; n < 5; n++) {
    const all = [STOWAGE, "verify", "-q", "--all", thousand, "--key", `${key}.pub`];
    // The one name that is not signed makes it fail.
    if (n === 0) await stowage("untag", `${thousand}:v1`);
    verified.push((await cost(all)).cpu);
  }
  console.log(
    `sign, verify 1,000 names: ${median(verified).toFixed(2)} s of CPU; promised: less than 1`,
  );
}
