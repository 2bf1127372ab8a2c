import type { Backend, BackendOptions, OpenBackend } from "./backend.ts";
import type { Command } from "./command.ts";
import { OciError } from "./errors.ts";
import type { Awaitable, Hook } from "./hook.ts";

/** Makes a hook from its settings: flags of the command line, or options of a program. */
export type HookFactory = (settings: Readonly<Record<string, unknown>>) => Awaitable<Hook>;

/** What extends Stowage: a value, not a side effect. Importing it changes nothing. */
export interface Plugin {
  /** Its name in messages. */
  readonly name: string;
  /** By URL scheme. */
  readonly backends?: Readonly<Record<string, OpenBackend>>;
  /** By name. */
  readonly hooks?: Readonly<Record<string, HookFactory>>;
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
  /** Opens a place by the scheme of its URL; throws `unsupported` for a scheme nobody brings. */
  open(url: URL, options: BackendOptions): Promise<Backend>;
}

/**
 * Gathers plugins. Of two that bring the same scheme, hook or command, neither wins: `already_exists`.
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
