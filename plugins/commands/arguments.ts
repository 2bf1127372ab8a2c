import type { FlagTable, Terminal } from "../../core/basics.ts";
import { commonFlags } from "./common.ts";

/** The command's word and the other arguments; flags of every command may stand before it. */
export function splitWord(argv: readonly string[]): { word?: string; rest: readonly string[] } {
  const table: FlagTable = commonFlags;
  for (let at = 0; at < argv.length; at++) {
    const arg = argv[at] ?? "";
    const word = arg === "--version" ? "version" : arg;
    if (!word.startsWith("-")) return { word, rest: argv.toSpliced(at, 1) };
    const name = arg.slice(2);
    if (Object.hasOwn(table, name) && table[name]?.type !== "switch") at++;
  }
  return { rest: argv };
}

/** Whether help is asked for, whatever else is wrong. */
export function wantsHelp(argv: readonly string[]): boolean {
  const flags = beforeDashes(argv);
  return flags.includes("-h") || flags.includes("--help");
}

/** Whether errors are to be JSON, as far as that can be told from arguments that may not be readable. */
export function wantsJson(argv: readonly string[], terminal: Terminal): boolean {
  const flags = beforeDashes(argv);
  if (flags.includes("--json")) return true;
  return (["format", "log-format"] as const).some((name) => {
    const at = flags.indexOf(`--${name}`);
    const inline = flags.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
    const typed = inline ?? (at < 0 ? undefined : flags[at + 1]);
    return (typed ?? terminal.env(commonFlags[name].env)) === "json";
  });
}

function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--");
  return end < 0 ? argv : argv.slice(0, end);
}
