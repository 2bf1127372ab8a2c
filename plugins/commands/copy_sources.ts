import {
  chosenBy,
  type CommandContext,
  type Digest,
  isOciError,
  type Layout,
  nameOf,
  OciError,
  type Place,
  type Reference,
  usageError,
} from "../../core/mod.ts";
import { find, nameIn } from "./find.ts";

/** Something to copy: how its layout knows it, and the name it has there. */
export interface Item {
  readonly what: string;
  readonly digest: Digest;
  readonly name?: string;
}

/** What is copied out of one place. */
export interface Source {
  readonly place: Place;
  readonly layout: Layout;
  readonly items: readonly Item[];
  /** All of the place: every entry just as it is listed. */
  readonly whole: boolean;
}

/** Which entries of a place are meant. */
export interface Selection {
  readonly all: boolean;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

type Context = Pick<CommandContext, "open" | "print" | "hint">;

/** Opens the places of some references, each once, and finds what is meant in them. They close with `opened`. */
export async function openSources(
  context: Context,
  references: readonly Reference[],
  selection: Selection,
  opened: { use<T extends AsyncDisposable>(layout: T): T },
): Promise<Source[]> {
  const places = Map.groupBy(references, ({ place }) => context.print({ place }));
  const sources: Source[] = [];
  for (const [shown, [first, ...others]] of places) {
    if (!first) continue;
    const { place } = first;
    const layout = opened.use(await context.open(place, "read"));
    const { all, include, exclude } = selection;
    if (!all) {
      const items = [];
      for (const one of [first, ...others]) items.push(...await itemsOf(context, layout, one));
      sources.push({ place, layout, items, whole: false });
      continue;
    }
    const chosen = chosenBy(include, exclude);
    const items = (await layout.references({ untagged: include.length === 0 }))
      .filter(({ name }) => name === "" || chosen(name))
      .map(({ name, descriptor: { digest } }) =>
        name === "" ? { what: digest, digest } : { what: name, digest, name }
      );
    if (items.length === 0) {
      throw new OciError("not_found", `Cannot copy from ${shown}: nothing is chosen`);
    }
    sources.push({ place, layout, items, whole: include.length === 0 && exclude.length === 0 });
  }
  assertApart(sources);
  return sources;
}

/** What a reference means; a place alone its only entry, by all its names. */
async function itemsOf(context: Context, layout: Layout, reference: Reference): Promise<Item[]> {
  const what = nameIn(reference);
  const entry = await find(context, layout, reference).catch((error) => {
    if (isOciError(error, "ambiguous")) context.hint("name one of them, or copy them --all");
    throw error;
  });
  const { digest } = entry;
  if (what !== undefined) {
    const name = reference.name === undefined ? undefined : nameOf(entry);
    return [{ what, digest, ...(name === undefined ? {} : { name }) }];
  }
  const names = new Set((await layout.references({ digest })).map(({ name }) => name));
  if (names.size === 0) return [{ what: digest, digest }];
  return [...names].map((name) => ({ what: name, digest, name }));
}

/** Two places may not bring the same name: one of them would be lost. */
function assertApart(sources: readonly Source[]): void {
  const taken = new Map<string, Source>();
  for (const source of sources) {
    for (const { name } of source.items) {
      if (name === undefined) continue;
      const other = taken.get(name);
      if (other && other !== source) {
        throw usageError(
          `Cannot copy "${name}" out of two places: copy one of them to another name`,
        );
      }
      taken.set(name, source);
    }
  }
}
