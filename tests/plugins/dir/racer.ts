// Deletes or renews all blobs of a layout, each at its own moment: PATH delete|renew FOLDER. Says in the folder that it
// is ready, and reads there when both begin.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { isOciError, systemClock } from "../../../core/mod.ts";
import { all } from "../../contract/suite.ts";
import { openAt } from "./directories.ts";

const [path = "", what = "", meeting = ""] = process.argv.slice(2);
const store = await openAt(path);
const blobs = (await all(store.blobs.list())).sort((a, b) => a.digest < b.digest ? -1 : 1);
await store.blobs.delete([]);
writeFileSync(join(meeting, what), "");
const go = join(meeting, "go");
while (!existsSync(go)) await systemClock.sleep(5);
const start = Number(readFileSync(go, "utf8"));
const outcomes: string[] = [];
for (const [n, blob] of blobs.entries()) {
  // Busy, so that both begin within microseconds.
  while (Date.now() < start + 2 * n);
  if (what === "delete") {
    const [removal] = await store.blobs.delete([blob]);
    outcomes.push(removal?.outcome ?? "");
  } else {
    try {
      await store.blobs.renew?.(blob);
      outcomes.push("renewed");
    } catch (error) {
      outcomes.push(isOciError(error) ? error.code : String(error));
    }
  }
}
console.log(outcomes.join("\n"));
