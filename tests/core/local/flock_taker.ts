// Says whether a file can be locked: PATH
import process from "node:process";
import { flock, isOciError, systemClock } from "../../../core/mod.ts";

const [path = ""] = process.argv.slice(2);
try {
  using _lock = await flock(path, { clock: systemClock, wait: 0 });
  console.log("held");
} catch (error) {
  console.log(isOciError(error) ? error.code : String(error));
}
