import { defineBody, nameOf, type Store } from "../../core/mod.ts";
import { find, nameIn } from "./find.ts";
import { type Held, heldBy } from "./holdings.ts";
import { bytes, columns } from "./text.ts";
import { aliveFrom, bytesOf, weigh } from "./weigh.ts";

/** `stowage du`. */
export default defineBody({
  usage: "PLACE[:ref]",
  details:
    "What each name holds: in all, what would be freed with it, and what others hold too. An " +
    "entry without a name is shown by its digest. Then what is stored, what of it lives, what gc " +
    "would free, and what unfinished writes hold.",
  flags: {
    "sort": {
      type: "text",
      values: ["unique", "total", "name"],
      default: "unique",
      help: "the largest first, or by name",
    },
  },
  examples: ["stowage du ./store", "stowage du --sort total --json ./store"],
  positionals: [1, 1],
  async run(context) {
    const { flags: { sort }, positionals: [text = ""] } = context;
    const reference = context.reference(text);
    await using layout = await context.open(reference.place, "read");
    const wanted = nameIn(reference) === undefined
      ? undefined
      : await find(context, layout, reference);
    const weights = await weigh(layout.store);
    const references = heldBy(weights, wanted?.digest)
      .filter(({ name }) => wanted === undefined || name === (nameOf(wanted) ?? name))
      .sort((a, b) => (sort === "name" ? 0 : b[sort] - a[sort]) || (a.name < b.name ? -1 : 1));
    const stored = bytesOf(weights, weights.sizes.keys());
    const live = bytesOf(weights, aliveFrom(weights, weights.roots));
    const ingests = await unfinished(layout.store);
    const sums = { stored, live, unreachable: stored - live, ingests };
    await context.result({
      schema: "stowage.du/1",
      place: context.print({ place: reference.place }),
      data: { references, ...sums },
      lines: [
        ...columns([["NAME", "TOTAL", "UNIQUE", "SHARED"], ...references.map(rowOf)]),
        ...totals(sums),
      ],
    });
  },
});

async function unfinished({ backend }: Store): Promise<number> {
  let sum = 0;
  for await (const { offset } of backend.blobs.ingests()) sum += offset;
  return sum;
}

function rowOf({ name, total, unique, shared }: Held): string[] {
  return [name, bytes(total), bytes(unique), bytes(shared)];
}

function totals({ ingests, ...sums }: Readonly<Record<string, number>>): string[] {
  const named = { ...sums, unfinished: ingests ?? 0 };
  return ["", ...columns(Object.entries(named).map(([name, sum]) => [name, bytes(sum)]))];
}
