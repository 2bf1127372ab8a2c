/** The names that Windows keeps for devices, whatever follows a dot. */
const DEVICE =
  /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(?:$|[. ])/i;
const NOT_ON_WINDOWS = /[\\<>:"|?*\p{Cc}]|[. ]$/u;

/** The folders and the file that a title names. */
export function partsOf(title: string): string[] {
  return title.split("/").filter((part) => part !== "" && part !== ".");
}

/** Why no file may be written by a title, if it may not. */
export function whyNotTitle(title: string, windows: boolean): string | undefined {
  const parts = partsOf(title);
  if (title.includes("\0")) return "it holds a NUL";
  if (title.startsWith("/")) return "it is an absolute path";
  if (/^[A-Za-z]:/.test(title)) return "it begins with a drive";
  if (parts.includes("..")) return "it leaves the target folder";
  if (parts.length === 0 || title.endsWith("/")) return "it names no file";
  if (!windows) return undefined;
  if (parts.some((part) => DEVICE.test(part))) return "it names a device";
  if (parts.some((part) => NOT_ON_WINDOWS.test(part))) return "Windows has no such file name";
  return undefined;
}

/** A title that cannot have a file of its own beside another one, on every system: the two, if there are any. */
export function clashOf(titles: readonly string[]): [string, string] | undefined {
  const files = new Map<string, string>();
  const folders = new Map<string, string>();
  for (const title of titles) {
    const parts = partsOf(title).map(folded);
    const path = parts.join("/");
    const other = files.get(path) ?? folders.get(path) ??
      parts.map((_, at) => files.get(parts.slice(0, at).join("/"))).find((found) => found);
    if (other !== undefined) return [other, title];
    files.set(path, title);
    for (let at = 1; at < parts.length; at++) folders.set(parts.slice(0, at).join("/"), title);
  }
  return undefined;
}

/** What some file system would take for the same name. */
function folded(part: string): string {
  return part.normalize("NFKC").toUpperCase().toLowerCase();
}
