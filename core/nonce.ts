import { type ImageIndex, withMembers } from "./image_index.ts";

/** Counts the commits of a layout. */
export const GENERATION = "dev.stowage.generation";
/** The newest swap of each of the last writers, newest first: settles a swap whose answer got lost. */
const WRITERS = "dev.stowage.writers";
const SLOTS = 48;

function annotation(index: ImageIndex, name: string): string {
  const value: unknown = index.annotations?.[name];
  return typeof value === "string" ? value : "";
}

/** The number of commits an index has seen. */
export function generationOf(index: ImageIndex): number {
  const generation = Number(annotation(index, GENERATION));
  return Number.isSafeInteger(generation) && generation > 0 ? generation : 0;
}

/** The index as this swap will write it: one generation on, and signed by its writer. */
export function signed(index: ImageIndex, nonce: string): ImageIndex {
  const writer = nonce.slice(0, nonce.indexOf("."));
  const others = annotation(index, WRITERS).split(" ")
    .filter((slot) => slot !== "" && !slot.startsWith(`${writer}.`));
  return withMembers(index, {
    annotations: {
      ...index.annotations,
      [GENERATION]: String(generationOf(index) + 1),
      [WRITERS]: [nonce, ...others].slice(0, SLOTS).join(" "),
    },
  });
}

/** Whether the swap of that nonce is part of what this index says. */
export function holdsNonce(index: ImageIndex, nonce: string): boolean {
  return annotation(index, WRITERS).split(" ").includes(nonce);
}
