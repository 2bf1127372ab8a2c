/** The part of `parseArgs` that is used here. */
export function parseArgs(
  args: readonly string[],
  options: {
    readonly string: readonly string[];
    readonly boolean: readonly string[];
    readonly collect: readonly string[];
    readonly negatable: readonly string[];
    readonly alias: Readonly<Record<string, string>>;
  },
): { _: string[]; [flag: string]: unknown };
