// What the server keeps: buckets, keys and their versions, unfinished uploads. All changes go through `land`.
import { randomBytes } from "node:crypto";
import type { Algorithm } from "./checksums.ts";

/** The bytes of an object. */
export interface Content {
  readonly chunks: readonly Uint8Array[];
  readonly size: number;
}

/** Headers, metadata and checksums that are kept and shown. */
export interface About {
  readonly headers: Readonly<Record<string, string>>;
  readonly checksums: Readonly<Partial<Record<Algorithm, string>>>;
  readonly checksumType?: "FULL_OBJECT" | "COMPOSITE";
}

/** An object as it was stored. */
export interface Stored extends About {
  readonly content: Content;
  /** Without quotes. */
  readonly etag: string;
  /** The sizes of its parts, if it came in parts. */
  readonly parts?: readonly number[];
}

/** A version of a key; without an object it is a delete marker. */
export interface Version {
  readonly id: string;
  readonly at: number;
  readonly object: Stored | undefined;
}

export interface Part {
  readonly content: Content;
  readonly md5: Uint8Array;
  readonly checksums: About["checksums"];
  readonly at: number;
}

export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly at: number;
  readonly about: About;
  readonly algorithm: Algorithm | undefined;
  readonly parts: Map<number, Part>;
}

interface KeyState {
  /** Oldest first. */
  versions: Version[];
  /** What was current since when, as far back as anybody may still look. */
  history: { at: number; current: Version | undefined }[];
  /** The change that made it so. */
  change: number;
}

export interface Bucket {
  readonly name: string;
  readonly created: number;
  readonly keys: Map<string, KeyState>;
  readonly uploads: Map<string, Upload>;
  /** Uploads that were completed, and the ETag of what they became. */
  readonly completed: Map<string, Version>;
  versioning: "off" | "on" | "suspended";
  /** All keys in the order of lists, until one comes or goes. */
  sorted: readonly string[] | undefined;
}

export interface Store {
  readonly buckets: Map<string, Bucket>;
  /** Counts changes. */
  changes: number;
  bytes: number;
}

export const createStore = (): Store => ({ buckets: new Map(), changes: 0, bytes: 0 });

export function createBucket(
  store: Store,
  name: string,
  created: number,
  versioning: Bucket["versioning"],
): Bucket {
  const bucket: Bucket = {
    name,
    created,
    keys: new Map(),
    uploads: new Map(),
    completed: new Map(),
    versioning,
    sorted: undefined,
  };
  store.buckets.set(name, bucket);
  return bucket;
}

/** A fresh id of versions and uploads. */
export const freshId = (): string => randomBytes(16).toString("hex");

/** Content of chunks. */
export const contentOf = (chunks: readonly Uint8Array[]): Content => ({
  chunks,
  size: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
});

/** The bytes from `start` to `end`, exclusive; nothing is copied. */
export function slice({ chunks }: Content, start: number, end: number): Uint8Array[] {
  let at = 0;
  const found: Uint8Array[] = [];
  for (const chunk of chunks) {
    const [from, to] = [Math.max(start - at, 0), Math.min(end - at, chunk.length)];
    if (from < to) found.push(chunk.subarray(from, to));
    at += chunk.length;
  }
  return found;
}

/** The current version of a key, as it was seen at a moment. */
export function current(bucket: Bucket, key: string, at = Infinity): Version | undefined {
  return bucket.keys.get(key)?.history.findLast((entry) => entry.at <= at)?.current;
}

/** The current object of a key. */
export const currentObject = (bucket: Bucket, key: string): Stored | undefined =>
  current(bucket, key)?.object;

/** The change that last touched a key; 0 for a key never seen. */
export const changeOf = (bucket: Bucket, key: string): number => bucket.keys.get(key)?.change ?? 0;

/** Gives a key other versions. `lag` is how far back readers may look. */
function land(
  store: Store,
  bucket: Bucket,
  key: string,
  versions: Version[],
  at: number,
  lag: number,
) {
  const state = bucket.keys.get(key) ?? { versions: [], history: [], change: 0 };
  const size = (list: readonly Version[]) =>
    list.reduce((sum, { object }) => sum + (object?.content.size ?? 0), 0);
  store.bytes += size(versions) - size(state.versions);
  state.versions = versions;
  state.change = ++store.changes;
  state.history.push({ at, current: versions.at(-1) });
  const seen = state.history.findLastIndex((entry) => entry.at <= at - lag);
  if (seen > 0) state.history.splice(0, seen);
  if (!bucket.keys.has(key)) bucket.sorted = undefined;
  bucket.keys.set(key, state);
}

/** Stores an object as the current version of a key. */
export function putVersion(
  store: Store,
  bucket: Bucket,
  key: string,
  object: Stored | undefined,
  at: number,
  lag: number,
): Version {
  const id = bucket.versioning === "on" ? freshId() : "null";
  const version = { id, at, object };
  const old = bucket.keys.get(key)?.versions ?? [];
  land(store, bucket, key, [...old.filter((other) => other.id !== id), version], at, lag);
  return version;
}

/** Removes one version of a key; the version before it becomes current. */
export function dropVersion(
  store: Store,
  bucket: Bucket,
  key: string,
  id: string,
  at: number,
  lag: number,
): Version | undefined {
  const versions = bucket.keys.get(key)?.versions ?? [];
  const gone = versions.find((version) => version.id === id);
  if (gone) land(store, bucket, key, versions.filter((version) => version !== gone), at, lag);
  return gone;
}

/** All versions of a key, oldest first. */
export const versionsOf = (bucket: Bucket, key: string): readonly Version[] =>
  bucket.keys.get(key)?.versions ?? [];

/** The order of lists, that of UTF-8: UTF-16 differs from it in that surrogates come last. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const [high, low] = [x, y].map((unit) => unit >= 0xd800 && unit < 0xe000);
    return high === low ? x - y : high ? 1 : -1;
  }
  return a.length - b.length;
}

/** All keys that have or had a version, in the order of lists. */
export function sortedKeys(bucket: Bucket): readonly string[] {
  return bucket.sorted ??= [...bucket.keys.keys()].sort(compareUtf8);
}
