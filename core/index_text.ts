import { messageOf, OciError } from "./errors.ts";
import { completed, type ImageIndex, rowsBehind, withRows } from "./image_index.ts";
import { parseJson } from "./json.ts";
import { linesOf, rowsOf } from "./rows.ts";
import { complaint, type Schema, z } from "./schema.ts";
import { isSealed, SEAL, seal, splitSealed } from "./sealed_text.ts";

const shape = z.looseObject({
  manifests: z.optional(z.nullable(z.array(z.unknown()))),
  annotations: z.optional(z.nullable(z.record(z.string(), z.unknown()))),
}) as unknown as Schema<Partial<ImageIndex>>;

/**
 * Reads the text of `index.json`. Entries are not judged yet: see {@linkcode isUsable}; those of a text whose seal holds
 * are not even parsed before they are asked for. `own` vouches for a text that was sealed here.
 *
 * @throws {OciError} `corrupt`; `unsupported` for a schema version other than 2.
 */
export function parseIndex(text: string, { own = false } = {}): ImageIndex {
  if (!own && !isSealed(text)) return read(text);
  const { around, lines } = splitSealed(text);
  return withRows(read(around), rowsOf(lines));
}

function read(text: string): ImageIndex {
  const value = readJson(text);
  const reason = complaint(shape, value);
  if (reason !== undefined) {
    throw new OciError("corrupt", `Cannot read "index.json" as an index: ${reason}`);
  }
  const found = value as Partial<ImageIndex>;
  const version = found.schemaVersion ?? 0;
  if (version !== 2 && version !== 0) {
    const said = JSON.stringify(version).slice(0, 40);
    throw new OciError(
      "unsupported",
      `Cannot read "index.json": its schema version is ${said}, not 2`,
    );
  }
  return { ...found, manifests: found.manifests ?? [] } as ImageIndex;
}

function readJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new OciError("corrupt", `${messageOf(cause)} of "index.json"`, { cause });
  }
}

/** The index as text: compact, and complete. */
export function printIndex(index: ImageIndex): string {
  return JSON.stringify(completed(index));
}

/** The index as the text of a commit: complete, one entry a line, annotations last, sealed. */
export function printSealed(index: ImageIndex): string {
  const whole = completed(index);
  const { [SEAL]: _, ...annotations } = whole.annotations ?? {};
  const lines = rowsBehind(whole)?.text ?? linesOf(whole.manifests);
  const members = Object.keys(whole).filter((name) => name !== "annotations").flatMap((name) => {
    if (name === "manifests") return [`"manifests":[`, lines.length > 1 ? lines : "", "],"];
    const value = JSON.stringify(whole[name]);
    return value === undefined ? [] : [`${JSON.stringify(name)}:${value},`];
  });
  return seal("{", ...members, `"annotations":${JSON.stringify(annotations).slice(0, -1)}`);
}
