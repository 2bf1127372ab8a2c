import { complaint, type HookContext, type ImageIndex, isOciError, z } from "../../core/mod.ts";

const NAME = "sequences.json";
/** A number beyond is no count of signatures but an attempt to use them up. */
const MOST = 2 ** 40;

const shape = z.strictObject({
  version: z.literal(1),
  refs: z.record(z.string(), z.record(z.string(), z.number())),
});
type Floors = z.infer<typeof shape>["refs"];

/** What was signed last, so that a name that was dropped and set again does not begin anew. A hint, not trusted. */
export interface Floor {
  readonly scope: string;
  readonly name: string;
  readonly sequence: number;
}

function parse(text: string | undefined): Floors {
  try {
    const json: unknown = text === undefined ? undefined : JSON.parse(text);
    return json === undefined || complaint(shape, json) !== undefined
      ? {}
      : (json as { refs: Floors }).refs;
  } catch {
    return {};
  }
}

/** What was noted when an index was read. */
const loaded = new WeakMap<ImageIndex, Promise<Floors>>();

/** The highest sequence noted for a name. */
export async function loadFloor(
  { docs, index }: Pick<HookContext, "docs" | "index">,
  scope: string,
  name: string,
): Promise<number> {
  const reading = loaded.get(index) ?? docs.load(NAME).then((doc) => parse(doc?.text));
  loaded.set(index, reading);
  const refs = await reading;
  const noted = Object.hasOwn(refs, scope) ? refs[scope] : undefined;
  const sequence = noted && Object.hasOwn(noted, name) ? noted[name] ?? 0 : 0;
  return Number.isSafeInteger(sequence) && sequence > 0 && sequence <= MOST ? sequence : 0;
}

/** Notes what was signed. */
export async function noteFloors(
  { docs, clock }: Pick<HookContext, "docs" | "clock">,
  floors: readonly Floor[],
): Promise<void> {
  for (let attempt = 0;; attempt++) {
    const seen = await docs.load(NAME);
    const refs = structuredClone(parse(seen?.text));
    for (const { scope, name, sequence } of floors) {
      const noted = refs[scope] ??= {};
      noted[name] = Math.max(noted[name] ?? 0, sequence);
    }
    const text = JSON.stringify({ version: 1, refs });
    if (text === seen?.text) return;
    try {
      await docs.swap(NAME, text, seen);
      return;
    } catch (error) {
      if (!isOciError(error, "conflict") || attempt > 50) throw error;
      await clock.sleep(clock.random() * 20);
    }
  }
}
