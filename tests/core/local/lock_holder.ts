// Takes a lock and holds it until it is lost: FOLDER STALE
import { join } from "node:path";
import process from "node:process";
import { fileLock, isOciError, systemClock } from "../../../core/mod.ts";

const [folder = "", stale = ""] = process.argv.slice(2);
const options = { clock: systemClock, tmp: join(folder, "tmp"), stale: Number(stale) };
const lease = await fileLock(folder, options).acquire("lock", { wait: 10_000 });
console.log("held");
try {
  while (true) {
    lease.assertHeld();
    await systemClock.sleep(20);
  }
} catch (error) {
  console.log(isOciError(error) ? error.code : String(error));
}
await lease[Symbol.asyncDispose]();
console.log("released");
