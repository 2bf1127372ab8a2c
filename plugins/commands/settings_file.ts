import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, usageError } from "../../core/basics.ts";
import type { Settings } from "./settings.ts";

/** Where settings are looked for, the first that is there counts; never in the working directory. */
export function settingsPaths(
  env: (name: string) => string | undefined,
  platform: string,
): string[] {
  if (platform === "win32") {
    const roaming = env("APPDATA");
    return roaming ? [join(roaming, "stowage", "settings.json")] : [];
  }
  const home = env("HOME");
  const config = env("XDG_CONFIG_HOME") || (home ? join(home, ".config") : undefined);
  return [
    ...(config ? [join(config, "stowage", "settings.json")] : []),
    "/etc/stowage/settings.json",
  ];
}

/**
 * The settings of a file that must be there, or else of the first of `paths` that is; none is fine.
 *
 * @throws {OciError} `invalid` with reason `usage`.
 */
export async function loadSettings(
  typed: string | undefined,
  paths: readonly string[],
): Promise<Settings | undefined> {
  for (const path of typed === undefined ? paths : [typed]) {
    const text = await textOf(path, typed !== undefined);
    // The schema is worth loading only for those who have settings.
    if (text !== undefined) return (await import("./settings.ts")).readSettings(text, path);
  }
  return undefined;
}

async function textOf(path: string, needed: boolean): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const absent = ["ENOENT", "ENOTDIR"].includes(String((error as { code?: unknown }).code));
    if (absent && !needed) return undefined;
    throw usageError(`Cannot read the settings ${JSON.stringify(path)}: ${messageOf(error)}`);
  }
}
