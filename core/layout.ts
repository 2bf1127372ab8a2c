import type { IngestStatus } from "./backend.ts";
import { type BlobReader, openReader } from "./blob_reader.ts";
import type { Descriptor } from "./descriptor.ts";
import { type Digest, looksLikeDigest, parseDigest } from "./digest.ts";
import { deleteBlob, type DeleteOptions, type DeleteReport } from "./delete.ts";
import { transact } from "./edit.ts";
import { isOciError, OciError } from "./errors.ts";
import { compileFilters } from "./filter.ts";
import { predecessors } from "./graph.ts";
import type { Notice } from "./hook.ts";
import type { ImageIndex } from "./image_index.ts";
import { copyJson } from "./json.ts";
import { type Info, info, infos, labelOf, type Labels, update } from "./labels.ts";
import { type ListOptions, listReferences, type NamedEntry, singleEntry } from "./list.ts";
import { kindOf } from "./manifest.ts";
import type { Writer } from "./named_writer.ts";
import { pushManifest, type PushManifestOptions } from "./push_manifest.ts";
import { openPusher, type Pusher } from "./pusher.ts";
import { type Expected, type Pushed, put } from "./put.ts";
import { type FetchOptions, read, readAll, readNode, type Target } from "./read.ts";
import { referrers, type ReferrersOptions } from "./referrers.ts";
import { resolve, type ResolveOptions } from "./resolve.ts";
import { runBeforeRead } from "./run_hooks.ts";
import type { Source } from "./source.ts";
import { assertWritable, placeOf, type Store } from "./store.ts";
import type { ExpectOptions, TagOptions, TagTarget, Transaction } from "./transaction.ts";
import { writeBlob, type Written } from "./write_blob.ts";
import { openWriter, type OpenWriterOptions } from "./writer.ts";

/** What a reading call takes: a descriptor, or a digest or name that is resolved. */
export type ReadTarget = Descriptor | string;

/**
 * A layout that is open: references by name, blobs by digest.
 *
 * Every call sees the layout as it is now. What comes back is the caller's own; what goes in is never written to.
 */
export class Layout implements AsyncDisposable {
  /** What is odd about this layout, as it was met. */
  readonly notices: Notice[] = [];
  /** What the parts of this layout share: for hooks, commands and whoever builds on the core. */
  readonly store: Store;

  /** Use `openLayout`. */
  constructor(store: Store, notices: Notice[]) {
    this.store = store;
    this.notices = notices;
  }

  /** Where it is. */
  get url(): URL {
    return this.store.backend.url;
  }

  /** The index as it is now. */
  async index(): Promise<ImageIndex> {
    return copyJson(await this.store.root.load());
  }

  /**
   * What a name, a digest or `name@digest` stands for: a whole entry, or media type, digest and size.
   *
   * @throws {OciError} `not_found`, `ambiguous`, `invalid`, `invalid_digest`, and `refused` by a hook.
   */
  async resolve(name: string, options: ResolveOptions = {}): Promise<Descriptor> {
    const index = await this.store.root.load();
    return copyJson(await resolve(this.store, index, name, options));
  }

  /** The named entries, sorted by name. */
  async references(options: ListOptions = {}): Promise<NamedEntry[]> {
    return listReferences(await this.store.root.load(), options);
  }

  /** The only thing this layout lists; throws `not_found` if it is empty, `ambiguous` if there are several. */
  async single(): Promise<Descriptor> {
    const index = await this.store.root.load();
    const found = await singleEntry(this.store, index);
    await runBeforeRead(this.store, index, found);
    return copyJson(found);
  }

  /** Whether a blob is stored. */
  async exists(digest: Digest): Promise<boolean> {
    return await this.store.backend.blobs.stat(parseDigest(digest)) !== undefined;
  }

  /** The bytes of a blob, verified on their way unless a range is asked for; throws `not_found`, `corrupt`. */
  async fetch(target: ReadTarget, options: FetchOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return await read(this.store, await this.#blob(target), options);
  }

  /** All bytes of a blob, verified; throws `size_exceeded` past `limit` bytes, default 4 MiB. */
  async fetchAll(target: ReadTarget, options: { limit?: number } = {}): Promise<Uint8Array> {
    const { limit = this.store.limits.manifest } = options;
    return await readAll(this.store, await this.#blob(target), { limit });
  }

  /** Opens a blob for reading at any offset; its bytes are not verified. */
  async readerAt(target: ReadTarget): Promise<BlobReader> {
    return await openReader(this.store, (await this.#blob(target)).digest);
  }

  /** Stores a blob and lists nothing. What is given of its descriptor is verified, the rest filled in. */
  push(expected: Expected, source: Source): Promise<Pushed> {
    return put(this.store, expected, source);
  }

  /** Stores a manifest or index, its bytes verbatim, and lists it: under `ref`, else without a name. */
  pushManifest(bytes: Uint8Array, options: PushManifestOptions = {}): Promise<Descriptor> {
    return pushManifest(this.store, bytes, options);
  }

  /** Pushes the blobs of `name@digest`, in any order; the name is set once the node of that digest is stored. */
  pusher(reference: string): Pusher {
    return openPusher(this.store, reference);
  }

  /** Opens or reopens a named write, in any process; throws `already_exists`, `locked`, `invalid`. */
  openWriter(options: OpenWriterOptions): Promise<Writer> {
    return openWriter(this.store, options);
  }

  /** Writes a source under a name, from where an earlier try has come to; already stored counts as success. */
  writeBlob(
    ref: string,
    source: Source,
    expect: { readonly digest?: Digest; readonly size?: number } = {},
  ): Promise<Written> {
    return writeBlob(this.store, source, { ref, expect });
  }

  /** How far a named write has come; throws `not_found`. */
  async status(ref: string): Promise<IngestStatus> {
    for await (const status of this.store.backend.blobs.ingests()) {
      if (status.ref === ref) return status;
    }
    throw new OciError("not_found", `Cannot find the write ${JSON.stringify(ref)}: none is open`, {
      url: placeOf(this.store),
      ref,
    });
  }

  /** The named writes that match any of the filters, such as `ref~=^copy/`. */
  async statuses(...filters: string[]): Promise<IngestStatus[]> {
    const matches = compileFilters(filters);
    const found: IngestStatus[] = [];
    for await (const status of this.store.backend.blobs.ingests()) {
      if (matches((path) => path.join(".") === "ref" ? status.ref : undefined)) found.push(status);
    }
    return found;
  }

  /** Ends a named write and removes its bytes, even under an open writer; throws `not_found`. */
  async abort(ref: string): Promise<void> {
    assertWritable(this.store, "abort a write");
    await this.store.backend.blobs.abort(ref);
  }

  /** Sets names, all in one swap; gives their entries. */
  async tag(
    target: TagTarget,
    names: string | readonly string[],
    options: TagOptions = {},
  ): Promise<Descriptor[]> {
    return await transact(this.store, (tx) => tx.tag(target, names, options));
  }

  /** Drops a name; its bytes stay until a collection. Gives the former entries; throws `not_found`. */
  async untag(name: string, options: ExpectOptions = {}): Promise<Descriptor[]> {
    return [...await transact(this.store, (tx) => tx.untag(name, options))];
  }

  /**
   * Edits the index: all of it in one swap, or nothing. `fn` runs again if others were first, so it must have no other
   * effect.
   */
  transaction<T>(fn: (tx: Transaction) => T | Promise<T>): Promise<T> {
    return transact(this.store, fn);
  }

  /** Size, times and labels of a stored blob; throws `not_found`. */
  info(digest: Digest): Promise<Info> {
    return info(this.store, digest);
  }

  /** Sets labels: all, or those that `fieldpaths` name (`labels.<key>`); absent or empty removes one. */
  update(digest: Digest, labels: Labels, ...fieldpaths: string[]): Promise<Info> {
    return update(this.store, digest, labels, fieldpaths);
  }

  /** The stored blobs that match any of the filters, by algorithm, then hex. */
  async *walk(...filters: string[]): AsyncGenerator<Info> {
    const matches = compileFilters(filters);
    for await (const blob of infos(this.store)) {
      if (matches((path) => field(blob, path))) yield blob;
    }
  }

  /** Deletes a blob, its entries first, with what only it keeps; throws `not_found`, `refused`. */
  delete(digest: Digest, options: DeleteOptions = {}): Promise<DeleteReport> {
    return deleteBlob(this.store, digest, options);
  }

  /** The children of a manifest or index, in order; none for a leaf or an unknown digest. */
  async children(target: ReadTarget): Promise<Descriptor[]> {
    try {
      const found = await this.#target(target);
      if (kindOf(found.mediaType ?? "") === undefined) return [];
      return copyJson((await readNode(this.store, found)).edges.map((edge) => edge.target));
    } catch (error) {
      if (isOciError(error, "not_found")) return [];
      throw error;
    }
  }

  /** The manifests and indexes reachable from the index that have this digest as child or subject. */
  async predecessors(digest: Digest): Promise<Descriptor[]> {
    const index = await this.store.root.load();
    return copyJson(await predecessors(this.store, index, parseDigest(digest)));
  }

  /** What refers to a digest, by any convention, in index order. */
  async referrers(digest: Digest, options: ReferrersOptions = {}): Promise<Descriptor[]> {
    const index = await this.store.root.load();
    return copyJson(await referrers(this.store, index, parseDigest(digest), options));
  }

  /** Closes the place. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.store.backend[Symbol.asyncDispose]());
  }

  /** What is read; of a digest nothing needs to be known. */
  async #blob(target: ReadTarget): Promise<Target> {
    const bare = typeof target === "string" && looksLikeDigest(target);
    return bare ? { digest: parseDigest(target) } : await this.#target(target);
  }

  async #target(target: ReadTarget): Promise<Descriptor> {
    if (typeof target !== "string") return { ...target, digest: parseDigest(target.digest) };
    return await this.resolve(target);
  }
}

function field(blob: Info, path: readonly string[]): string | undefined {
  const [first, ...rest] = path;
  if (first === "labels" && rest.length > 0) return labelOf(blob.labels, rest.join("."));
  if (rest.length > 0) return undefined;
  return first === "digest" ? blob.digest : first === "size" ? String(blob.size) : undefined;
}
