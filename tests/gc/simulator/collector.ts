import { isOciError, type Layout } from "../../../core/mod.ts";
import { collect, type CollectOptions } from "../../../plugins/gc/collect.ts";
import { keepAll } from "../../../plugins/gc/policy.ts";
import { undo } from "../../../plugins/gc/undo.ts";
import { DAY, eager } from "../collecting.ts";
import { open, type Stage } from "./stage.ts";
import type { Process } from "./process.ts";
import { editOnce } from "./writer.ts";

/** How a scenario collects. */
export function optionsOf({ scenario, changes }: Stage, more: Partial<CollectOptions> = {}) {
  const { grace, quarantine, drops } = scenario;
  const rules = drops ? [{ refs: ["pr-*"] }] : [];
  const policy = { ...keepAll, maxDrop: 100, rules };
  const options = eager({ policy, grace, quarantine, trash: DAY, ...more });
  return changes.options?.(options) ?? options;
}

/** A collector: a few runs, with pauses between them. */
export async function collectAll(stage: Stage, process: Process): Promise<void> {
  const { world: { chance }, scenario } = stage;
  const layout = await openAnyhow(stage, process);
  if (!layout) return;
  await process.clock.sleep(chance.below(1 + scenario.pause));
  for (let left = scenario.runs; left > 0; left--) {
    const beside = Array.from({ length: chance.below(scenario.threads) });
    const edits = beside.map(() => editOnce(stage, layout, process));
    await Promise.all([collectOnce(stage, layout), ...edits]);
    await process.clock.sleep(chance.one([0, 1_000, 70_000, scenario.quarantine + 1]));
  }
}

async function openAnyhow(stage: Stage, process: Process): Promise<Layout | undefined> {
  try {
    return await open(stage, process, "collector");
  } catch (error) {
    if (isOciError(error, "unavailable")) return undefined;
    throw error;
  }
}

async function collectOnce(stage: Stage, { store }: Layout): Promise<void> {
  try {
    if (stage.scenario.undo && stage.world.chance.hit(0.4)) return void await undo(store);
    const { damaged } = await collect(store, optionsOf(stage));
    if (damaged.length > 0) throw new Error(`the collector reports damage: ${damaged.join(", ")}`);
  } catch (error) {
    if (!isOciError(error, "conflict", "unavailable", "not_found")) throw error;
  }
}
