import type { BlobInfo } from "./backend.ts";
import { type Digest, parseDigest, splitDigest } from "./digest.ts";
import { editJson, loadJson } from "./docs.ts";
import { OciError } from "./errors.ts";
import { type Schema, z } from "./schema.ts";
import { assertWritable, placeOf, type Store, timeOf } from "./store.ts";

/** Labels of a blob: any text by any name. They mean nothing to the layout. */
export type Labels = Readonly<Record<string, string>>;

/** A stored blob and what is kept about it. */
export interface Info {
  /** Its name. */
  readonly digest: Digest;
  /** Its length in bytes. */
  readonly size: number;
  /** When it was stored, or last adopted by a writer. */
  readonly createdAt: Date;
  /** That, or when its labels last changed. */
  readonly updatedAt: Date;
  /** Its labels. */
  readonly labels: Labels;
}

interface Kept {
  readonly labels: Labels;
  readonly updatedAt: string;
}

const schema = z.record(
  z.string(),
  z.looseObject({ labels: z.record(z.string(), z.string()), updatedAt: z.string() }),
) as unknown as Schema<Readonly<Record<string, Kept>>>;

const MOST = 4096;

/** Labels lie in 256 documents, by the first two hex digits. */
function shard(digest: Digest): string {
  return `.stowage/labels/${splitDigest(digest).hex.slice(0, 2)}.json`;
}

/** What is known of a stored blob; throws `not_found`, `invalid_digest`. */
export async function info(store: Store, digest: Digest): Promise<Info> {
  const blob = await store.backend.blobs.stat(parseDigest(digest));
  if (!blob) throw missing(store, digest);
  const kept = await loadJson(store.backend.docs, shard(digest), schema);
  return infoOf(blob, kept?.[digest]);
}

function infoOf(blob: BlobInfo, kept: Kept | undefined): Info {
  const createdAt = blob.modified ?? new Date(0);
  const labelled = new Date(kept?.updatedAt ?? 0);
  return {
    digest: blob.digest,
    size: blob.size,
    createdAt,
    updatedAt: labelled > createdAt ? labelled : createdAt,
    labels: kept?.labels ?? {},
  };
}

/**
 * Changes labels: all of them, or those that `fieldpaths` name (`labels.<key>`); absent or empty removes one.
 *
 * @throws {OciError} `not_found`, `invalid`.
 */
export async function update(
  store: Store,
  digest: Digest,
  labels: Labels,
  fieldpaths: readonly string[],
): Promise<Info> {
  assertWritable(store, "change labels");
  const keys = checkPaths(fieldpaths);
  checkLabels(labels);
  const blob = await store.backend.blobs.stat(parseDigest(digest));
  if (!blob) throw missing(store, digest);
  const updatedAt = new Date(await timeOf(store)).toISOString();
  const after = await editJson(store.backend.docs, shard(digest), schema, (all = {}) => {
    const before = all[digest]?.labels ?? {};
    const next = merged(before, labels, keys);
    return { ...all, [digest]: { labels: next, updatedAt } };
  }, store);
  return infoOf(blob, after?.[digest]);
}

/** Drops the labels of blobs that are gone. */
export async function dropLabels(store: Store, digests: Iterable<Digest>): Promise<void> {
  const names = new Set(await Array.fromAsync(store.backend.docs.list(".stowage/labels/")));
  if (names.size === 0) return;
  for (const [name, gone] of Map.groupBy(digests, shard)) {
    if (!names.has(name)) continue;
    const dropped = new Set<string>(gone);
    await editJson(store.backend.docs, name, schema, (all = {}) => {
      const kept = Object.entries(all).filter(([digest]) => !dropped.has(digest));
      if (kept.length === Object.keys(all).length) return all;
      return kept.length === 0 ? undefined : Object.fromEntries(kept);
    }, store);
  }
}

/** Every blob with its labels, by algorithm, then hex. */
export async function* infos(store: Store): AsyncGenerator<Info> {
  const digests: BlobInfo[] = [];
  for await (const blob of store.backend.blobs.list()) digests.push(blob);
  digests.sort((a, b) => (a.digest < b.digest ? -1 : a.digest > b.digest ? 1 : 0));
  const names = new Set<string>();
  for await (const name of store.backend.docs.list(".stowage/labels/")) names.add(name);
  const shards = new Map<string, Readonly<Record<string, Kept>>>();
  for (const blob of digests) {
    const name = shard(blob.digest);
    if (names.has(name) && !shards.has(name)) {
      shards.set(name, await loadJson(store.backend.docs, name, schema) ?? {});
    }
    yield infoOf(blob, shards.get(name)?.[blob.digest]);
  }
}

function merged(before: Labels, labels: Labels, keys: readonly string[] | undefined): Labels {
  const next = keys === undefined
    ? { ...labels }
    : { ...before, ...Object.fromEntries(keys.map((key) => [key, labelOf(labels, key) ?? ""])) };
  return Object.fromEntries(
    Object.entries(next).filter(([, value]) => value !== "").sort(([a], [b]) => a < b ? -1 : 1),
  );
}

/** The label of that key; what every object inherits is none. */
export function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** The keys that the paths name; undefined for all. */
function checkPaths(fieldpaths: readonly string[]): readonly string[] | undefined {
  const keys = fieldpaths.map((path) => {
    if (path === "labels") return undefined;
    const [, key] = /^labels\.(.+)$/s.exec(path) ?? [];
    if (key !== undefined) return key;
    throw new OciError(
      "invalid",
      `Cannot change ${JSON.stringify(path)}: write "labels" or "labels.<key>"`,
    );
  });
  const named = keys.filter((key) => key !== undefined);
  return named.length === 0 || named.length < keys.length ? undefined : named;
}

/** Throws `invalid` for an empty key, or a key and value of more than 4096 bytes. */
export function checkLabels(labels: Labels): void {
  for (const [key, value] of Object.entries(labels)) {
    const size = new TextEncoder().encode(key + value).length;
    if (key !== "" && size <= MOST) continue;
    throw new OciError(
      "invalid",
      `Cannot set the label ${JSON.stringify(key.slice(0, 80))}: ${
        key === "" ? "its key is empty" : `key and value have ${size} bytes, more than ${MOST}`
      }`,
    );
  }
}

function missing(store: Store, digest: Digest): OciError {
  return new OciError("not_found", `Cannot find "${digest}": it is not stored`, {
    url: placeOf(store),
    digest,
  });
}
