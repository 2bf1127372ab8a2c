// Deletes or renews all blobs of a layout, each at its own moment: PATH delete|renew START
import process from "node:process";
import { isOciError } from "../../../core/mod.ts";
import { all } from "../../contract/suite.ts";
import { openAt } from "./directories.ts";

const [path = "", what = "", start = ""] = process.argv.slice(2);
const store = await openAt(path);
const blobs = (await all(store.blobs.list())).sort((a, b) => a.digest < b.digest ? -1 : 1);
await store.blobs.delete([]);
const outcomes: string[] = [];
for (const [n, blob] of blobs.entries()) {
  // Busy, so that both begin within microseconds.
  while (Date.now() < Number(start) + 2 * n);
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
