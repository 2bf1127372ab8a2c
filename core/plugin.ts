import type { Backend, BackendOptions, OpenBackend } from "./backend.ts";
import type { Command, Terminal } from "./command.ts";
import { OciError } from "./errors.ts";
import type { FlagSpec, FlagTable } from "./flag.ts";
import type { Awaitable, Hook } from "./hook.ts";

/** Makes a hook from its settings, the flags of the command line; it may ask who sits at the terminal. */
export type HookFactory = (
  settings: Readonly<Record<string, unknown>>,
  terminal: Terminal,
) => Awaitable<Hook>;

/** Flags that hooks add to commands, by what a command does with names. */
export interface HookFlags {
  /** To those that read by name. */
  readonly reads?: FlagTable;
  /** To those that set names. */
  readonly sets?: FlagTable;
}

/** What extends Stowage: a value, not a side effect. Importing it changes nothing. */
export interface Plugin {
  /** Its name in messages. */
  readonly name: string;
  /** By URL scheme. */
  readonly backends?: Readonly<Record<string, OpenBackend>>;
  /** By name. */
  readonly hooks?: Readonly<Record<string, HookFactory>>;
  /** What its hooks add to the flags of commands; their values are the settings of its hooks. */
  readonly hookFlags?: HookFlags;
  /** Exit codes of its own, by the reason of an error. */
  readonly exits?: Readonly<Record<string, number>>;
  /** Words of the command line. */
  readonly commands?: readonly Command[];
}

/** The plugins of a program, by what they bring. */
export interface Registry {
  /** The schemes that can be opened, sorted. */
  readonly schemes: readonly string[];
  /** The commands, sorted by name. */
  readonly commands: readonly Command[];
  /** Makers of hooks, by name. */
  readonly hooks: ReadonlyMap<string, HookFactory>;
  /** What hooks add to the flags of commands. */
  readonly hookFlags: Required<HookFlags>;
  /** Exit codes of plugins, by the reason of an error. */
  readonly exits: ReadonlyMap<string, number>;
  /** Opens a place by the scheme of its URL; throws `unsupported` for a scheme nobody brings. */
  open(url: URL, options: BackendOptions): Promise<Backend>;
}

/**
 * Gathers plugins. Of two that bring the same scheme, hook, flag, reason or command, neither wins: `already_exists`.
 *
 * @example
 * ```ts
 * import { createRegistry } from "./plugin.ts";
 *
 * const registry = createRegistry([]);
 * console.log(registry.schemes); // []
 * ```
 */
export function createRegistry(plugins: readonly Plugin[]): Registry {
  const backends = new Map<string, OpenBackend>();
  const hooks = new Map<string, HookFactory>();
  const commands = new Map<string, Command>();
  const flags = { reads: new Map<string, FlagSpec>(), sets: new Map<string, FlagSpec>() };
  const exits = new Map<string, number>();
  for (const plugin of plugins) {
    const add = <T>(map: Map<string, T>, kind: string, name: string, value: T) => {
      if (map.has(name)) {
        throw new OciError(
          "already_exists",
          `Cannot add plugin "${plugin.name}": the ${kind} "${name}" is taken`,
        );
      }
      map.set(name, value);
    };
    for (const [scheme, open] of Object.entries(plugin.backends ?? {})) {
      add(backends, "scheme", scheme, open);
    }
    for (const [name, make] of Object.entries(plugin.hooks ?? {})) add(hooks, "hook", name, make);
    for (const does of ["reads", "sets"] as const) {
      for (const [name, spec] of Object.entries(plugin.hookFlags?.[does] ?? {})) {
        add(flags[does], "flag", name, spec);
      }
    }
    for (const [reason, code] of Object.entries(plugin.exits ?? {})) {
      add(exits, "reason", reason, code);
    }
    for (const command of plugin.commands ?? []) {
      for (const word of [command.name, ...command.aliases ?? []]) {
        add(commands, "command", word, command);
      }
    }
  }
  const schemes = [...backends.keys()].sort();
  return {
    schemes,
    commands: [...new Set(commands.values())].sort((a, b) => a.name < b.name ? -1 : 1),
    hooks,
    hookFlags: { reads: Object.fromEntries(flags.reads), sets: Object.fromEntries(flags.sets) },
    exits,
    open(url, options) {
      const open = backends.get(url.protocol.slice(0, -1));
      if (open) return open(url, options);
      throw new OciError(
        "unsupported",
        `Cannot open "${url.protocol}": known schemes are ${schemes.join(", ") || "none"}`,
        { url: url.href },
      );
    },
  };
}
