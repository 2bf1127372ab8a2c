import { basename, isAbsolute, normalize, sep } from "node:path";
import { OciError, usageError } from "../../core/mod.ts";
import { statFile } from "./local_file.ts";

/** A file to push. */
export interface Input {
  /** As it was typed, without its type; `-` is standard input. */
  readonly path: string;
  /** The name it will have where it is pulled. */
  readonly title: string;
  readonly mediaType: string;
  /** Its length in bytes, if it is a regular file. */
  readonly size?: number;
}

/** What holds for files that do not say it themselves. */
export interface Defaults {
  readonly mediaType: string;
  /** The title of standard input. */
  readonly stdin?: string | undefined;
  /** Where it is pushed to, as typed: for the way out of who names a folder. */
  readonly target: string;
  hint(line: string): void;
}

const NAME = "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}";
const MEDIA_TYPE = new RegExp(`^${NAME}/${NAME}$`);

/** A media type; anything else is a usage error. */
export function readMediaType(text: string): string {
  if (MEDIA_TYPE.test(text)) return text;
  throw usageError(
    `Cannot read ${JSON.stringify(text)} as a media type: write it as "application/json"`,
  );
}

/** Reads `FILE[:TYPE]` and looks at the file. What names a file as a whole is that file. */
export async function readInput(text: string, defaults: Defaults): Promise<Input> {
  const { mediaType } = defaults;
  if (text === "-") return stdin(mediaType, defaults);
  const whole = await statFile(text);
  if (whole) return fileOf(text, whole, mediaType, defaults);
  const colon = text.lastIndexOf(":");
  const [path, type] = [text.slice(0, colon), text.slice(colon + 1)];
  if (path === "-") return stdin(readMediaType(type), defaults);
  const found = colon > 0 ? await statFile(path) : undefined;
  if (found) return fileOf(path, found, readMediaType(type), defaults);
  const missing = colon > 0 && MEDIA_TYPE.test(type) ? path : text;
  throw new OciError("not_found", `Cannot push ${JSON.stringify(missing)}: there is no such file`);
}

function stdin(mediaType: string, { stdin: title }: Defaults): Input {
  if (title !== undefined) return { path: "-", title, mediaType };
  throw usageError('Cannot push standard input: give it a title with "--name"');
}

function fileOf(
  path: string,
  { kind, size }: { kind: "file" | "folder" | "stream"; size: number },
  mediaType: string,
  { target, hint }: Defaults,
): Input {
  if (kind === "folder") {
    const name = basename(normalize(path)) || "files";
    hint(`tar c '${path}' | stowage push '${target}' -:application/x-tar --name '${name}.tar'`);
    throw usageError(`Cannot push ${JSON.stringify(path)}: it is a folder; pack it first`);
  }
  const title = titleOf(path);
  return { path, title, mediaType, ...(kind === "file" ? { size } : {}) };
}

/** The path below the working directory; of a file elsewhere its name alone. */
function titleOf(path: string): string {
  const clean = normalize(path);
  const title = isAbsolute(clean) || clean.startsWith(`..${sep}`) ? basename(clean) : clean;
  return title.replaceAll(sep, "/");
}
