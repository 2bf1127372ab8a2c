import { isOciError, REF_NAME } from "../../../core/mod.ts";
import type { Stage } from "./stage.ts";
import type { Shelf } from "./shelf.ts";
import type { Process } from "./process.ts";

/** Times that one writes the index. */
const WRITES = 3;

/**
 * A program that knows nothing of collections. It writes the index whole, as skopeo and umoci do: entries stay, one gets
 * another name, annotations of the index itself mostly go.
 */
export async function writeAsStranger({ world, shelf }: Stage, process: Process): Promise<void> {
  const { chance } = world;
  for (let left = WRITES; left > 0; left--) {
    await process.clock.sleep(chance.below(1_000));
    const keeps = chance.hit(0.3);
    const name = `theirs-${chance.below(2)}`;
    try {
      await world.request(process, "rewrite index.json", () => rewrite(shelf, keeps, name));
    } catch (error) {
      if (!isOciError(error, "unavailable")) throw error;
    }
  }
}

function rewrite(shelf: Shelf, keeps: boolean, name: string): void {
  const { annotations, manifests, ...rest } = JSON.parse(shelf.docs.get("index.json")?.text ?? "");
  const [first, ...others] = manifests.filter((entry: { annotations?: Record<string, string> }) =>
    entry.annotations?.[REF_NAME] !== name
  );
  const named = first ? [first, { ...first, annotations: { [REF_NAME]: name } }] : [];
  const index = { ...rest, ...keeps ? { annotations } : {}, manifests: [...named, ...others] };
  const text = JSON.stringify(index, null, 2);
  shelf.docs.set("index.json", { text, version: `${++shelf.writes}` });
}
