import type { FlagValues, Hook, Registry, Terminal } from "../../core/basics.ts";
import type { FlagTable } from "../../core/basics.ts";

/** The hooks of all plugins, made of what the flags say when the first place is opened. */
export function hooksOf(
  { hooks }: Registry,
  settings: FlagValues<FlagTable>,
  terminal: Terminal,
): () => Promise<readonly Hook[]> {
  let made: Promise<readonly Hook[]> | undefined;
  return () =>
    made ??= Promise.all(
      [...hooks.values()].map((make) => Promise.resolve(make(settings, terminal))),
    );
}
