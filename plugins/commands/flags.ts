// The one door to parseArgs: it splits arguments, the table says what they mean.
// @ts-types="./parse_args.d.ts"
import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import {
  type FlagSpec,
  type FlagTable,
  type FlagValue,
  type FlagValues,
  usageError,
} from "../../core/basics.ts";
import { didYouMean } from "./suggest.ts";
import { formOf, readValue } from "./values.ts";

/** Where a flag that was not typed takes its value from. */
export interface Twins {
  /** The environment. */
  env?(name: string): string | undefined;
  /** Values from settings, by the name of the flag. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Stands before `-:TYPE` and `-#ref`, which mean standard input, while parseArgs looks: no argument holds a NUL. */
const STDIN = "\0";

/** What was typed, read by a table. */
export interface Arguments<T extends FlagTable> {
  /** What stands beside the flags, in order. */
  readonly positionals: readonly string[];
  /** The flags, with what holds without them. */
  readonly flags: FlagValues<T>;
}

/**
 * Reads arguments by a table. What was typed comes before the environment, then settings, then the default.
 *
 * @throws {OciError} `invalid` with reason `usage`.
 */
export function readFlags<const T extends FlagTable>(
  table: T,
  argv: readonly string[],
  twins: Twins = {},
): Arguments<T> {
  const names = Object.keys(table);
  const switches = names.filter((name) => isSwitch(table[name]));
  const parsed = parseArgs(mended(table, argv), {
    string: ["_", ...names.filter((name) => !isSwitch(table[name]))],
    boolean: switches,
    negatable: switches.filter((name) => table[name]?.default === "true"),
    collect: names,
    alias: Object.fromEntries(
      Object.entries(table).flatMap(([name, { short }]) => short ? [[short, name]] : []),
    ),
  });
  const flags = Object.entries(table).map(([name, spec]) => {
    const typed = [parsed[name]].flat().filter((value) => value !== undefined);
    return [name, isSwitch(spec) ? switched(name, spec, typed) : valued(name, spec, typed, twins)];
  });
  const positionals = parsed._.map((text) => text.replace(STDIN, ""));
  return { positionals, flags: Object.fromEntries(flags) as FlagValues<T> };
}

function isSwitch(spec: FlagSpec | undefined): boolean {
  return spec?.type === "switch";
}

function switched(name: string, spec: FlagSpec, typed: unknown[]): FlagValue {
  if (spec.many) return typed.length;
  if (typed.length > 1) throw usageError(`Cannot take "--${name}" twice`);
  return typed.length === 1 ? typed[0] === true : spec.default === "true";
}

function valued(name: string, spec: FlagSpec, typed: unknown[], twins: Twins): FlagValue {
  const read = (text: unknown, source = `--${name}`) => {
    const value = readValue(String(text), spec);
    if (value !== undefined) return value;
    throw usageError(`Cannot read ${source} ${JSON.stringify(text)}: it must be ${formOf(spec)}`);
  };
  if (typed.length > 1 && !spec.many) {
    throw usageError(`Cannot take "--${name}" twice: it may stand once`);
  }
  if (typed.length > 0) {
    const values = typed.map((text) => read(text));
    return spec.many ? values : values[0];
  }
  const env = spec.env === undefined ? undefined : twins.env?.(spec.env);
  const settings = twins.settings?.[name];
  const value = env
    ? read(env, spec.env)
    : settings === undefined
    ? spec.default === undefined ? undefined : read(spec.default)
    : read(settings, `"${name}" of the settings`);
  if (!spec.many) return value;
  return value === undefined ? [] : [value];
}

/**
 * The arguments, spelled so that parseArgs takes them as they were meant: it drops the value `-`, makes a switch eat
 * the word `true`, takes anything for a flag and reads `--no-x=y` as `--x=y`. What is no such spelling throws.
 */
function mended(table: FlagTable, argv: readonly string[]): string[] {
  const end = argv.indexOf("--") < 0 ? argv.length : argv.indexOf("--");
  const args: string[] = [];
  for (let at = 0; at < end; at++) {
    const arg = argv[at] ?? "";
    if (!arg.startsWith("-") || /^-(?:$|[:#])/.test(arg)) {
      args.push(arg.length > 1 && arg.startsWith("-") ? STDIN + arg : arg);
      continue;
    }
    const { name, value } = arg.startsWith("--") ? long(table, arg) : short(table, arg);
    const next = at + 1 < end ? argv[at + 1] : undefined;
    if (isSwitch(table[name])) {
      if (value !== undefined) throw usageError(`Cannot give "--${name}" a value: it takes none`);
      if (next === "true" || next === "false") {
        throw usageError(`Cannot give "${arg}" a value: write "./${next}" for a file of that name`);
      }
      args.push(arg);
      continue;
    }
    const given = value ?? next;
    if (value === undefined) at++;
    if (!given || (value === undefined && given.startsWith("-") && given !== "-")) {
      const hint = given ? `; write "--${name}=${given}" if that is its value` : "";
      throw usageError(`Cannot read "${arg}": its value is missing${hint}`);
    }
    // The name `no-hook` would lose its first half before `=`.
    if (name.startsWith("no-")) args.push(`--${name}`, given);
    else args.push(`--${name}=${given}`);
  }
  return [...args, ...argv.slice(end)];
}

function long(table: FlagTable, arg: string): { name: string; value?: string } {
  const equals = arg.indexOf("=");
  const name = arg.slice(2, equals < 0 ? undefined : equals);
  const value = equals < 0 ? {} : { value: arg.slice(equals + 1) };
  if (Object.hasOwn(table, name)) return { name, ...value };
  const positive = name.replace(/^no-/, "");
  if (positive !== name && Object.hasOwn(table, positive)) {
    if (table[positive]?.default === "true") return { name: positive, ...value };
    throw usageError(`Cannot take "--${name}": leave "--${positive}" out`);
  }
  const known = Object.entries(table).map(([name, spec]) =>
    spec.default === "true" ? `--no-${name}` : `--${name}`
  );
  throw usageError(`Cannot take "--${name}": no such flag${didYouMean(`--${name}`, known)}`);
}

/** One letter, or switches in one word. */
function short(table: FlagTable, arg: string): { name: string; value?: string } {
  const letters = [...arg.slice(1)];
  const names = letters.map((letter) =>
    Object.keys(table).find((name) => table[name]?.short === letter)
  );
  const [name] = names;
  if (name !== undefined && letters.length > 1 && !isSwitch(table[name])) {
    const value = arg.slice(2).replace(/^=/, "");
    throw usageError(`Cannot read "${arg}": write "-${letters[0]} ${value}"`);
  }
  const unknown = names.indexOf(undefined);
  if (unknown < 0 && name !== undefined && names.every((name) => isSwitch(table[name ?? ""]))) {
    return { name };
  }
  if (unknown < 0 && letters.length === 1 && name !== undefined) return { name };
  const what = unknown < 0
    ? `"${arg}": only switches go together`
    : `"-${letters[unknown]}": no such flag`;
  throw usageError(
    `Cannot take ${what}${
      arg.length > 2
        ? didYouMean(
          `-${arg}`,
          Object.keys(table).map((n) => `--${n}`),
        )
        : ""
    }`,
  );
}
