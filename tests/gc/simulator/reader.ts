import { isOciError } from "../../../core/mod.ts";
import { contents, rootOf } from "./content.ts";
import { open, type Stage } from "./stage.ts";
import { APART } from "./shelf.ts";
import type { Process } from "./process.ts";
import { NAMES } from "./writer.ts";

/** A reader: resolves a name, and reads all it stands for within the quarantine. */
export async function readOnce(stage: Stage, process: Process): Promise<void> {
  const { world, scenario: { quarantine } } = stage;
  try {
    const layout = await open(stage, process, "reader");
    await process.clock.sleep(world.chance.below(quarantine));
    const start = world.time;
    const { digest } = await layout.resolve(world.chance.one(NAMES));
    const whole = contents.find((one) => rootOf(one).descriptor.digest === digest) ?? [];
    await process.clock.sleep(world.chance.below(quarantine));
    for (const { descriptor } of whole) {
      const there = await layout.exists(descriptor.digest);
      if (there || world.time - start > quarantine - APART) continue;
      throw new Error(`${descriptor.digest} was taken from a reader`);
    }
  } catch (error) {
    if (!isOciError(error, "unavailable", "not_found")) throw error;
  }
}
