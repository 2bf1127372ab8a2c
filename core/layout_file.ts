import type { Docs } from "./backend.ts";
import { editJson, type EditOptions, loadJson } from "./docs.ts";
import { type Schema, z } from "./schema.ts";

/** What holds for a layout as a whole. */
export interface LayoutFacts {
  /** The version of this document. */
  readonly format: 1;
  /** Children of listed manifests may be missing. */
  readonly sparse?: boolean | undefined;
  /** When an empty index was made anew: nothing may be collected until somebody has looked. */
  readonly repaired?: string | undefined;
}

const nothing: LayoutFacts = { format: 1 };
const NAME = ".stowage/layout.json";
const schema = z.looseObject({
  format: z.literal(1),
  sparse: z.optional(z.boolean()),
  repaired: z.optional(z.string()),
}) as unknown as Schema<LayoutFacts>;

/** Reads what holds for the layout as a whole. */
export async function loadFacts(docs: Docs): Promise<LayoutFacts> {
  return await loadJson(docs, NAME, schema) ?? nothing;
}

/** Whether children may be missing; the layout is asked only once something is. */
export async function isSparse(store: {
  readonly backend: { readonly docs: Docs };
  sparse: boolean;
}): Promise<boolean> {
  return store.sparse ||= (await loadFacts(store.backend.docs)).sparse === true;
}

/** Notes facts, and forgets those that are undefined; those that hold already write nothing. */
export async function noteFacts(
  docs: Docs,
  facts: Omit<LayoutFacts, "format">,
  options: EditOptions,
): Promise<void> {
  await editJson(docs, NAME, schema, (before = nothing) => {
    const holds = Object.entries(facts).every(([name, value]) =>
      before[name as keyof LayoutFacts] === value
    );
    return holds ? before : { ...before, ...facts };
  }, options);
}
