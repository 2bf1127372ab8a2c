// Collects a place over and over until it is told to end by its stdin, or killed: PLACE
import process from "node:process";
import { isOciError, openLayout } from "../../mod.ts";
import { systemClock } from "../../core/mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { keepAll } from "../../plugins/gc/policy.ts";

const [place = ""] = process.argv.slice(2);
const policy = { ...keepAll, maxDrop: 100 };
for (let runs = 0;; runs++) {
  await using layout = await openLayout(place, { mode: "write", wait: 60_000 });
  try {
    await collect(layout.store, {
      policy,
      grace: 0,
      quarantine: 0,
      trash: 0,
      exclusive: false,
      budget: {},
    });
  } catch (error) {
    if (!isOciError(error, "conflict", "locked")) throw error;
  }
  console.log(`run ${runs}`);
  await systemClock.sleep(20);
}
