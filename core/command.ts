import type { OpenMode } from "./backend.ts";
import type { Clock } from "./clock.ts";
import type { OnEvent } from "./events.ts";
import type { FlagTable, FlagValues } from "./flag.ts";
import type { Notice } from "./hook.ts";
import type { Layout } from "./layout.ts";
import type { Place } from "./place.ts";
import type { Registry } from "./plugin.ts";
import type { Reference } from "./reference.ts";

/** Where a command speaks: stdout is the result, stderr the talk. */
export interface Terminal {
  /** The result: text, or bytes. Throws `aborted` once nobody reads it any more. */
  out(chunk: string | Uint8Array): Promise<void>;
  /** The talk: one line. */
  err(line: string): void;
  /** What stands below the talk until the next call: for a terminal only. */
  live(lines: readonly string[]): void;
  /** The bytes of standard input. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Whether they are terminals. */
  readonly tty: { readonly in: boolean; readonly out: boolean; readonly err: boolean };
  /** Columns of the terminal, else 80. */
  readonly width: number;
  /** Rows of the terminal, else 24. */
  readonly height: number;
  /** Whether bars and trees may be drawn with more than ASCII. */
  readonly unicode: boolean;
  /** Asks for a line that is not shown; there only where somebody can answer. */
  readonly secret?: (question: string) => Promise<string>;
  /** The environment: the only way a command reads it. */
  env(name: string): string | undefined;
}

/** What a command comes to. */
export interface Result {
  /** Such as `stowage.push/1`. */
  readonly schema: string;
  /** Whether all is well; default true. */
  readonly ok?: boolean;
  /** The place, as typed. */
  readonly place?: string;
  /** The other members of the JSON document. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The same for people. Foreign text in it is made visible by whoever writes it out. */
  readonly lines: Iterable<string>;
}

/** What a command may use. */
export interface CommandContext<T extends FlagTable = FlagTable> {
  /** What stands beside the flags, in order. */
  readonly positionals: readonly string[];
  /** Its flags, with what holds without them. */
  readonly flags: FlagValues<T>;
  /** Backends, hooks and the other commands. */
  readonly registry: Registry;
  /** Where it speaks. */
  readonly terminal: Terminal;
  /** Time and chance. */
  readonly clock: Clock;
  /** Aborts on Ctrl-C and when time is up. */
  readonly signal: AbortSignal;
  /** Whether the result is a JSON document. */
  readonly json: boolean;
  /** The short result is wanted. */
  readonly quiet: boolean;
  /** How often `-v` was given. */
  readonly verbose: number;
  /** Reads `place:name@digest`; what cannot be read is a usage error. An empty place becomes the default one. */
  reference(text: string): Reference;
  /** Reads a place; a reference with it is a usage error. */
  place(text: string): Place;
  /** Writes a reference, or a place alone, as it is typed. */
  print(reference: Reference): string;
  /** Opens a layout with what the flags say; the caller closes it. */
  open(place: Place, mode: OpenMode): Promise<Layout>;
  /** Takes the events of whatever runs: they become progress and summary. */
  readonly onEvent: OnEvent;
  /** Tells of something odd. */
  notice(notice: Notice): void;
  /**
   * Says that the command stays until it is told to go: SIGTERM is then its proper end, with the code it returns, and
   * SIGHUP calls `onHangup` instead of ending it.
   */
  stay(onHangup: () => void): void;
  /** Keeps a way out, such as `stowage list ./store`; shown if the command fails. */
  hint(line: string): void;
  /** Writes the result, once: text or JSON. */
  result(result: Result): Promise<void>;
}

/** All about a command that is needed only when it runs, is completed, or explained. */
export interface CommandBody<T extends FlagTable = FlagTable> {
  /** How it is typed after its name, such as `PLACE[:tag] FILE…`. */
  readonly usage: string;
  /** More about it, below the usage line. */
  readonly details?: string;
  /** Its flags, beside those of every command. */
  readonly flags: T;
  /** What it does with names: the flags of hooks come with it, and hooks get all flags as their settings. */
  readonly names?: readonly ("reads" | "sets")[];
  /** Lines that can be pasted. */
  readonly examples: readonly string[];
  /** How many positionals, at least and at most. */
  readonly positionals: readonly [number, number];
  /** The words its first positional may be. */
  readonly words?: readonly string[];
  /** It opens no place and needs no settings. */
  readonly bare?: true;
  /** Does it. The number is the exit code; nothing means 0. */
  run(context: CommandContext<T>): Promise<number | void>;
}

/** A word of the command line. Its body loads when it is needed. */
export interface Command {
  /** The word. */
  readonly name: string;
  /** Other words for it. */
  readonly aliases?: readonly string[];
  /** What it does, one line. */
  readonly summary: string;
  /** Brings its body. */
  load(): Promise<CommandBody>;
}

/**
 * A command as a value, for the `commands` of a plugin.
 *
 * @example
 * ```ts
 * import { defineBody, defineCommand } from "./command.ts";
 *
 * const hello = defineCommand({
 *   name: "hello",
 *   summary: "says hello",
 *   load: () =>
 *     Promise.resolve(defineBody({
 *       usage: "",
 *       flags: { to: { type: "text", help: "whom", default: "all" } },
 *       examples: ["stowage hello"],
 *       positionals: [0, 0],
 *       run: ({ terminal, flags }) => terminal.out(`hello ${flags.to}\n`),
 *     })),
 * });
 * ```
 */
export function defineCommand(command: Command): Command {
  return command;
}

/** A body whose `run` knows the types of its flags. */
export function defineBody<const T extends FlagTable>(body: CommandBody<T>): CommandBody {
  return body as unknown as CommandBody;
}
