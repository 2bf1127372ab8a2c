/** Whether a name matches any of the globs: `*` stands for any characters, `?` for one. */
export function matchesAny(name: string, globs: readonly string[]): boolean {
  return globs.some((glob) => pattern(glob).test(name));
}

function pattern(glob: string): RegExp {
  const source = glob.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll(
    "?",
    ".",
  );
  return new RegExp(`^${source}$`, "su");
}
