/** Whether a name passes: it matches one of `include`, if there are any, and none of `exclude`. */
export function chosenBy(
  include: readonly string[] = [],
  exclude: readonly string[] = [],
): (name: string) => boolean {
  const wanted = include.map(globOf);
  const unwanted = exclude.map(globOf);
  return (name) =>
    (wanted.length === 0 || wanted.some((glob) => glob.test(name))) &&
    !unwanted.some((glob) => glob.test(name));
}

/** `*` stands for any text, `?` for one character, all else for itself. */
function globOf(text: string): RegExp {
  const source = [...text].map((char) =>
    char === "*" ? ".*" : char === "?" ? "." : char.replace(/[\\^$.*+?()[\]{}|/]/u, "\\$&")
  );
  return new RegExp(`^${source.join("")}$`, "su");
}
