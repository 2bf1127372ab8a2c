import { readFile } from "node:fs/promises";
import { type Annotations, complaint, usageError, z } from "../../core/mod.ts";
import { failedFile } from "./local_file.ts";

/** Annotations of an artifact and of its files, by title. */
export type AnnotationFile = Readonly<Record<string, Annotations>>;

const shape = z.record(z.string(), z.record(z.string(), z.string()));

/** Reads `K=V` of the command line. */
export function readPairs(pairs: readonly string[]): Annotations {
  const read = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    const key = pair.slice(0, equals);
    if (equals < 1) throw usageError(`Cannot read ${JSON.stringify(pair)}: write "KEY=VALUE"`);
    if (read.has(key)) throw usageError(`Cannot annotate ${JSON.stringify(key)} twice`);
    read.set(key, pair.slice(equals + 1));
  }
  return Object.fromEntries(read);
}

/** Reads a file as oras does: annotations by title; those of the manifest are `$manifest`, of the config `$config`. */
export async function readAnnotationFile(path: string): Promise<AnnotationFile> {
  const action = `Cannot read the annotations ${JSON.stringify(path)}`;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw usageError(`${action}: they are no JSON`);
    throw failedFile(error, "read", path);
  }
  const why = complaint(shape, value);
  if (why === undefined) return value as AnnotationFile;
  throw usageError(`${action}: ${why}`);
}

/** A time of the command line or of SOURCE_DATE_EPOCH, as annotations write it; neither: nothing. */
export function readCreated(
  typed: string | undefined,
  epoch: string | undefined,
  now: number,
): string | undefined {
  if (typed === undefined && !epoch) return undefined;
  const time = typed === undefined
    ? /^\d{1,12}$/.test(epoch ?? "") ? Number(epoch) * 1000 : NaN
    : typed === "now"
    ? Math.floor(now / 1000) * 1000
    : /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(typed)
    ? Date.parse(typed.toUpperCase())
    : NaN;
  const date = new Date(time);
  if (!Number.isNaN(date.getTime())) return date.toISOString().replace(".000Z", "Z");
  throw usageError(
    typed === undefined
      ? `Cannot read SOURCE_DATE_EPOCH ${JSON.stringify(epoch)}: it must be seconds since 1970`
      : `Cannot read --created ${JSON.stringify(typed)}: write "2026-11-22T03:30:00Z" or "now"`,
  );
}
