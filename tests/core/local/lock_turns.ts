// Takes turns under a lock, and fails if somebody else is inside meanwhile: FOLDER TURNS
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileLock, systemClock } from "../../../core/mod.ts";

const [folder = "", turns = ""] = process.argv.slice(2);
const lock = fileLock(folder, { clock: systemClock, tmp: join(folder, "tmp") });
for (let n = 0; n < Number(turns); n++) {
  await using lease = await lock.acquire("lock", { wait: 60_000 });
  const inside = join(folder, "inside");
  writeFileSync(inside, "", { flag: "wx" });
  await systemClock.sleep(1);
  lease.assertHeld();
  rmSync(inside);
  writeFileSync(join(folder, `turn-${process.pid}-${n}`), "", { flag: "wx" });
}
