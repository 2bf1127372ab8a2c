// Collects without grace, for ever. Tells how many blobs each run removed.
import { isOciError } from "../../../../core/mod.ts";
import { collect } from "../../../../plugins/gc/collect.ts";
import { eager } from "../../../gc/collecting.ts";
import { clock, openPlace } from "./opened.ts";

const layout = await openPlace();
console.log("ready");
while (true) {
  try {
    const { removed } = await collect(layout.store, eager());
    console.log(`removed ${removed.length}`);
  } catch (error) {
    if (!isOciError(error, "locked", "lease_lost", "conflict", "unavailable")) throw error;
    console.log(`failed ${error.code}`);
  }
  await clock.sleep(1_000);
}
