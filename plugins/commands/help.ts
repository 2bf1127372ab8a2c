import {
  type Command,
  type CommandBody,
  defineBody,
  type FlagTable,
  usageError,
} from "../../core/basics.ts";
import type { Registry } from "../../core/basics.ts";
import { commonFlags } from "./common.ts";
import { didYouMean } from "./suggest.ts";
import { columns, wrap } from "./text.ts";
import { placeholder } from "./values.ts";

/** The command of a word, or of another word for it. */
export function findCommand(registry: Registry, word: string): Command {
  const found = registry.commands.find(({ name, aliases }) =>
    name === word || aliases?.includes(word)
  );
  if (found) return found;
  const words = registry.commands.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  throw usageError(
    `Cannot run ${JSON.stringify(word)}: no such command${didYouMean(word, words)}`,
  );
}

/** What the program can do. */
export function overview(registry: Registry): string[] {
  return [
    "stowage keeps OCI image layouts: in a directory, a tar archive, a bucket.",
    "",
    "Usage: stowage COMMAND [FLAG]… [ARGUMENT]…",
    "",
    ...columns(registry.commands.map(({ name, summary }) => [`  ${name}`, summary])),
    "",
    "`stowage help COMMAND` says more.",
  ];
}

/** The flags of a command: its own, and those of hooks that see what it does. */
export function flagsOf(
  { hookFlags }: Registry,
  { flags, names = [] }: CommandBody,
): FlagTable {
  return Object.assign({}, ...names.map((does) => hookFlags[does]), flags);
}

/** How a command is used. */
export function commandHelp(
  registry: Registry,
  command: Command,
  body: CommandBody,
  width: number,
): string[] {
  const { name, aliases = [], summary } = command;
  const own = flagLines(flagsOf(registry, body));
  return [
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    "",
    `Usage: stowage ${name} [FLAG]… ${body.usage}`.trimEnd(),
    ...(aliases.length > 0 ? [`Also: ${aliases.join(", ")}`] : []),
    ...(body.details ? ["", ...body.details.split("\n").flatMap((line) => wrap(line, width))] : []),
    ...(own.length > 0 ? ["", "Flags:", ...own] : []),
    "",
    "Flags of every command:",
    ...flagLines(commonFlags),
    ...(body.examples.length > 0 ? ["", "Examples:"] : []),
    ...body.examples.map((example) => `  ${example}`),
  ];
}

/** A line per flag. */
export function flagLines(table: FlagTable): string[] {
  return columns(
    Object.entries(table).map(([name, spec]) => {
      const ended = spec.type === "switch" && spec.default === "true";
      const long = `--${ended ? "no-" : ""}${name} ${placeholder(spec)}`.trimEnd();
      const notes = [
        ...(spec.default !== undefined && !ended ? [spec.default] : []),
        ...(spec.env === undefined ? [] : [spec.env]),
        ...(spec.many && spec.type !== "switch" ? ["repeatable"] : []),
      ];
      const note = notes.length === 0 ? "" : ` (${notes.join(", ")})`;
      return [`  ${spec.short ? `-${spec.short},` : "   "}`, long, spec.help + note];
    }),
  );
}

/** `stowage help`. */
export default defineBody({
  usage: "[COMMAND]",
  flags: {},
  examples: ["stowage help", "stowage help version"],
  positionals: [0, 1],
  bare: true,
  async run({ positionals: [word], registry, terminal }) {
    const lines = word === undefined ? overview(registry) : await helpOf(registry, word);
    await terminal.out(lines.map((line) => `${line}\n`).join(""));

    async function helpOf(registry: Registry, word: string): Promise<string[]> {
      const command = findCommand(registry, word);
      return commandHelp(registry, command, await command.load(), terminal.width);
    }
  },
});
