// Collects again and again, without grace, quarantine or trash: PLACE SECONDS; says `run` before each collection and
// what it came to after it. What comes back from a trash would hide what should not have gone, so there is none.
import process from "node:process";
import {
  createRegistry,
  isOciError,
  type Layout,
  openLayout,
  systemClock,
} from "../../core/mod.ts";
import { builtins } from "../../mod.ts";
import { collect } from "../../plugins/gc/collect.ts";
import { eager } from "../gc/collecting.ts";

const [place = "", seconds = ""] = process.argv.slice(2);
const registry = createRegistry(builtins);

async function collectOnce({ store }: Layout): Promise<string> {
  const { trash, ...blobs } = store.backend.blobs;
  try {
    const backend = { ...store.backend, blobs };
    const { removed, replaced, failed, damaged } = await collect({ ...store, backend }, eager());
    if (damaged.length > 0) throw new Error(`Taken although reachable: ${damaged.join(", ")}`);
    if (failed.length > 0) throw new Error(`${failed[0]?.digest}: ${failed[0]?.message}`);
    return `removed ${removed.length} replaced ${replaced}`;
  } catch (error) {
    // Another collector is at it, or was faster; or one or two died in a swap, and all waited for longer than a lease
    // lasts, or is given.
    const isSlow = isOciError(error, "unavailable") && /takes longer to answer/.test(error.message);
    if (!isSlow && !isOciError(error, "locked", "conflict", "lease_lost")) throw error;
    return error.code;
  } finally {
    if (trash) {
      for (const { batch, digest } of await Array.fromAsync(trash.list())) {
        await trash.purge(batch, digest);
      }
    }
  }
}

const end = systemClock.elapsed() + Number(seconds) * 1_000;
try {
  while (systemClock.elapsed() < end) {
    await using layout = await openLayout(place, { mode: "write", wait: 120_000, registry });
    for (let n = 0; n < 10 && systemClock.elapsed() < end; n++) {
      console.log("run");
      console.log(await collectOnce(layout));
      await systemClock.sleep(Math.random() * 20);
    }
  }
} catch (error) {
  // Whoever reads these lines is told what it died of.
  console.log(String(error));
  throw error;
}
console.log("end");
