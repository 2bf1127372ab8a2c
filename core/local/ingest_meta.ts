import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BlobInfo } from "../backend.ts";
import { type Digest, isDigest } from "../digest.ts";
import { unlessMissing } from "./file_error.ts";
import { uniqueName } from "./files.ts";
import type { LocalPlace } from "./local_place.ts";

/** What is remembered of a named write beside its bytes. */
export interface IngestMeta {
  readonly ref: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** The file of its bytes: another one after each fresh start, so that an old writer cannot reach the new bytes. */
  readonly data: string;
  readonly total?: number;
  readonly expected?: Digest;
}

const FILE = "meta.json";

/** What is remembered in a folder; undefined if nothing is, or it is damaged. */
export async function readMeta(folder: string): Promise<IngestMeta | undefined> {
  const text = await unlessMissing(readFile(join(folder, FILE), "utf8"));
  try {
    const meta: unknown = text === undefined ? undefined : JSON.parse(text);
    return isMeta(meta) ? meta : undefined;
  } catch {
    return undefined;
  }
}

function isMeta(value: unknown): value is IngestMeta {
  const { ref, startedAt, data, total, expected } = (value ?? {}) as Record<string, unknown>;
  return typeof ref === "string" && Number.isSafeInteger(startedAt) &&
    typeof data === "string" && /^[0-9a-f]+$/.test(data) &&
    (total === undefined || Number.isSafeInteger(total)) &&
    (expected === undefined || isDigest(expected));
}

/** Remembers, whole or not at all. */
export async function writeMeta(
  place: LocalPlace,
  folder: string,
  meta: IngestMeta,
): Promise<void> {
  const file = join(place.tmp, uniqueName(place.clock));
  await writeFile(file, JSON.stringify(meta));
  await place.disk.step("keep ingest");
  await rename(file, join(folder, FILE));
}

/** What was remembered with what is said now; undefined if they contradict each other. */
export function agree(
  meta: IngestMeta,
  { size, digest }: Partial<BlobInfo>,
): IngestMeta | undefined {
  const { total = size || undefined, expected = digest } = meta;
  if ((size && size !== total) || (digest && digest !== expected)) return undefined;
  return {
    ...meta,
    ...(total === undefined ? {} : { total }),
    ...(expected === undefined ? {} : { expected }),
  };
}
