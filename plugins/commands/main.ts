import {
  type Command,
  type CommandBody,
  type CommandContext,
  formatReference,
  isOciError,
  OciError,
  type Registry,
  usageError,
} from "../../core/basics.ts";
import { splitWord, wantsHelp, wantsJson } from "./arguments.ts";
import { commonFlags } from "./common.ts";
import { type Ending, endingOf, type ExitCodes, tellFailure } from "./failure.ts";
import { type Arguments, readFlags } from "./flags.ts";
import { commandHelp, findCommand, flagsOf, overview } from "./help.ts";
import { hooksOf } from "./hooks.ts";
import { type Host, processHost } from "./host.ts";
import { behind, openPlace, type Places, readPlace, readReference } from "./open_place.ts";
import { writeResult } from "./result.ts";
import { loadSettings, settingsPaths } from "./settings_file.ts";
import { startStop } from "./stop.ts";
import { createTalk } from "./talk.ts";
import { NOBODY_READS } from "./terminal.ts";

type Common = Arguments<typeof commonFlags>["flags"];

/** Runs the program: one command, to its exit code. Nothing it throws is left to the runtime. */
export async function main(
  registry: Registry,
  exits: ExitCodes,
  host: Host = processHost(),
): Promise<number> {
  const { argv, terminal } = host;
  const { word, rest } = splitWord(argv);
  const hints: string[] = [];
  let who = "stowage";
  const stop = startStop(host, exits);
  try {
    if (word === undefined) {
      const lines = overview(registry);
      if (wantsHelp(argv)) {
        await terminal.out(lines.map((line) => `${line}\n`).join(""));
        return 0;
      }
      lines.forEach((line) => terminal.err(line));
      return exits.usage;
    }
    const command = findCommand(registry, word);
    who = `stowage ${command.name}`;
    return await runCommand(registry, command, rest, host, stop, hints);
  } catch (error) {
    const ending: Ending = stop.ending() ?? endingOf(error);
    if (isOciError(error) && error.reason === NOBODY_READS) return 0;
    const json = wantsJson(rest, terminal);
    if (ending === "usage") hints.push(helpFor(who));
    const told = stop.ending() === undefined ? error : stop.describe(error);
    const trace = ending === "defect" || rest.includes("-vv");
    const reason = stop.ending() === undefined && isOciError(error) ? error.reason : undefined;
    const exit = registry.exits.get(reason ?? "") ?? exits[ending];
    tellFailure(terminal, told, { who, json, exit, next: hints, trace });
    return exit;
  } finally {
    stop.end();
  }
}

function helpFor(who: string): string {
  return who.replace(/^stowage ?(help)?/, "stowage help ").trim();
}

async function runCommand(
  registry: Registry,
  command: Command,
  argv: readonly string[],
  host: Host,
  stop: ReturnType<typeof startStop>,
  hints: string[],
): Promise<number> {
  const { terminal, clock } = host;
  const body = await command.load();
  if (wantsHelp(argv)) {
    const lines = commandHelp(registry, command, body, terminal.width);
    await terminal.out(lines.map((line) => `${line}\n`).join(""));
    return 0;
  }
  const table = { ...commonFlags, ...flagsOf(registry, body) };
  const { env } = terminal;
  // The file that the settings are read from is a flag itself.
  const first = readFlags({ settings: commonFlags.settings }, settingsOnly(argv), { env });
  const settings = body.bare
    ? undefined
    : await loadSettings(first.flags.settings, settingsPaths(env, host.platform));
  const twins = settings
    ? { env, settings: (await import("./settings.ts")).flagsOf(settings) }
    : { env };
  const { flags, positionals } = readFlags(table, argv, twins);
  checkCount(body, positionals);
  const common = flags as Common;
  const json = common.json || common.format === "json";
  if (common.timeout !== undefined) stop.after(common.timeout);
  const own = flags as {
    readonly "lock-wait"?: number;
    readonly durability?: "full" | "none";
    readonly "dry-run"?: boolean;
  };
  const talk = createTalk(terminal, clock, {
    dry: own["dry-run"] === true,
    mode: common.progress,
    quiet: common.quiet,
    verbose: common.verbose,
    logs: common["log-format"],
  });
  const stats = common.stats ? (await import("./stats.ts")).watch(registry) : undefined;
  const places: Places = {
    registry: stats?.registry ?? registry,
    settings,
    standard: env("STOWAGE_PLACE") || settings?.default,
    cwd: () => host.cwd(),
    wait: own["lock-wait"],
    durability: own.durability,
    signal: stop.signal,
    notice: (notice) => talk.notice(notice),
    hooks: hooksOf(registry, body.names?.length ? flags : {}, terminal),
  };
  const context: CommandContext = {
    positionals,
    flags,
    registry: places.registry,
    terminal,
    clock,
    signal: stop.signal,
    json,
    quiet: common.quiet,
    verbose: common.verbose,
    reference: (text) => readReference(places, text),
    place: (text) => readPlace(places, text),
    print: (reference) => formatReference(reference, registry.schemes),
    open: (place, mode) => openPlace(places, behind(places, place), mode),
    onEvent: (event) => talk.onEvent(event),
    notice: (notice) => talk.notice(notice),
    stay: (onHangup) => stop.stay(onHangup),
    hint: (line) => void hints.push(line),
    result: (result) => writeResult(terminal, json, result),
  };
  try {
    const code = await body.run(context) ?? 0;
    if (stop.ending() !== undefined) throw new OciError("aborted", `Cannot go on: stopped`);
    return code;
  } finally {
    await talk.close();
    stats?.tell(terminal, json || common["log-format"] === "json");
  }
}

/** The arguments that name the settings file. */
function settingsOnly(argv: readonly string[]): string[] {
  const at = argv.indexOf("--settings");
  if (at >= 0) return argv.slice(at, at + 2);
  return argv.filter((arg) => arg.startsWith("--settings="));
}

function checkCount({ positionals: [least, most], usage }: CommandBody, given: readonly string[]) {
  if (given.length >= least && given.length <= most) return;
  const what = given.length < least
    ? "too little was given"
    : `${given.length} arguments are too many`;
  throw usageError(`Cannot run it: ${what}; it is used as "${usage}"`);
}
