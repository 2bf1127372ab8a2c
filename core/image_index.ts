import type { Annotations, Descriptor } from "./descriptor.ts";
import type { Rows } from "./rows.ts";

/** The media type of an index. */
export const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";

/** The root of a layout, as it was read: unknown members, entry order, duplicates and unusable entries included. */
export interface ImageIndex {
  /** Always 2. */
  readonly schemaVersion: number;
  /** The media type of an index, where it was said. */
  readonly mediaType?: string;
  /** The entries, in order. */
  readonly manifests: readonly Descriptor[];
  /** What is said of the layout as a whole. */
  readonly annotations?: Annotations;
  /** Members of later specifications. */
  readonly [member: string]: unknown;
}

/** An index without entries. */
export const emptyIndex: ImageIndex = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [] };

const behind = new WeakMap<ImageIndex, Rows>();

/** The rows that an index was read from, if its entries are parsed only where they are asked for. */
export function rowsBehind(index: ImageIndex): Rows | undefined {
  return behind.get(index);
}

/** An index with other rows as its entries. */
export function withRows(index: ImageIndex, rows: Rows): ImageIndex {
  let all: readonly Descriptor[] | undefined;
  const manifests = { get: () => all ??= rows.all(), enumerable: true, configurable: true };
  const made: ImageIndex = Object.create(Object.prototype, {
    ...Object.getOwnPropertyDescriptors(index),
    manifests,
  });
  behind.set(made, rows);
  return made;
}

/** An index with other members beside its entries. */
export function withMembers(index: ImageIndex, members: Partial<ImageIndex>): ImageIndex {
  const rows = rowsBehind(index);
  if (!rows) return { ...index, ...members };
  const { manifests: _, ...others } = Object.getOwnPropertyDescriptors(index);
  return withRows(
    Object.create(Object.prototype, {
      ...others,
      ...Object.getOwnPropertyDescriptors(members),
    }),
    rows,
  );
}

/** An index with what the specification asks for filled in. */
export function completed(index: ImageIndex): ImageIndex {
  return withMembers(index, { schemaVersion: 2, mediaType: index.mediaType || INDEX_TYPE });
}
