import { type CommandContext, type FlagTable, isOciError } from "../../core/basics.ts";
import { commonFlags } from "./common.ts";
import { flagsOf } from "./help.ts";

type Context = Pick<CommandContext, "registry" | "reference" | "print" | "open">;

/** What the last of the typed words may become: a command, a flag, the word of a flag, or a name in a layout. */
export async function candidates(context: Context, typed: readonly string[]): Promise<string[]> {
  const { registry } = context;
  const current = typed.at(-1) ?? "";
  const before = typed.slice(0, -1);
  const starting = (words: readonly string[]) =>
    words.filter((word) => word.startsWith(current)).sort();
  const word = before.find((one) => !one.startsWith("-"));
  if (word === undefined) return starting(registry.commands.map(({ name }) => name));
  const command = registry.commands.find(({ name, aliases }) =>
    name === word || aliases?.includes(word)
  );
  if (!command) return [];
  const body = await command.load();
  const { words = [] } = body;
  const table: FlagTable = { ...commonFlags, ...flagsOf(registry, body) };
  const spec = Object.entries(table).find(([name]) => `--${name}` === before.at(-1))?.[1];
  if (spec && spec.type !== "switch") return starting(spec.values ?? []);
  if (current.startsWith("-")) {
    return starting(
      Object.entries(table).map(([name, { type, default: standard }]) =>
        type === "switch" && standard === "true" ? `--no-${name}` : `--${name}`
      ),
    );
  }
  if (words.length > 0 && before.indexOf(word) === before.length - 1) return starting(words);
  return await namesAt(context, current);
}

/** The references of the layout that is being typed, if it is on this machine. */
async function namesAt(context: Context, current: string): Promise<string[]> {
  const colon = current.lastIndexOf(":");
  if (colon < 1 || /^[a-z0-9]+:\/\//.test(current)) return [];
  try {
    const { place } = context.reference(`${current.slice(0, colon)}#`);
    if (place.scheme !== "dir" && place.scheme !== "tar") return [];
    await using layout = await context.open(place, "read");
    const references = await layout.references({ digestTags: false });
    return references.map(({ name }) => context.print({ place, name }))
      .filter((text) => text.startsWith(current));
  } catch (error) {
    if (isOciError(error)) return [];
    throw error;
  }
}
