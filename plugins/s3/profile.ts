import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** What the file of AWS's tools says of a profile, besides its credentials; nothing if there is no such file. */
export async function profileOf(
  profile: string,
  file?: string,
): Promise<Readonly<Record<string, string | undefined>>> {
  let text: string;
  try {
    text = await readFile(file ?? join(homedir(), ".aws", "config"), "utf8");
  } catch {
    return {};
  }
  return sectionOf(
    text,
    profile === "default" ? /^default$/ : new RegExp(`^profile\\s+${escaped(profile)}$`),
  );
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

/** The settings of one section; indented lines belong to a setting above and are left out. */
function sectionOf(text: string, title: RegExp): Record<string, string> {
  const settings: Record<string, string> = {};
  let inside = false;
  for (const line of text.split(/\r?\n/)) {
    const header = /^\[\s*(.*?)\s*\]/.exec(line)?.[1];
    if (header !== undefined) inside = title.test(header);
    const [, name, value] = /^([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (inside && name !== undefined && value) settings[name] = value;
  }
  return settings;
}
