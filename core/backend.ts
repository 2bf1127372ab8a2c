import type { Digest } from "./digest.ts";
import type { OciError } from "./errors.ts";
import type { Lock } from "./lock.ts";

/** A stored blob as it was when it was looked at. */
export interface BlobInfo {
  /** Its name. */
  readonly digest: Digest;
  /** Its length in bytes. */
  readonly size: number;
  /** When these bytes were stored, or last adopted by a writer. */
  readonly modified?: Date;
  /** Names this very copy, where the store can tell copies apart. */
  readonly version?: string;
}

/** How far a write has come. */
export interface IngestStatus {
  /** The name it was opened under, empty for an unnamed one. */
  readonly ref: string;
  /** Bytes stored so far, those that survive a close. */
  readonly offset: number;
  /** Bytes it will have in the end, if that was said. */
  readonly total?: number;
  /** The digest it must have in the end, if that was said. */
  readonly expected?: Digest;
  /** When it was first opened. */
  readonly startedAt: Date;
  /** When bytes were last added. */
  readonly updatedAt: Date;
}

/**
 * A write nobody can see yet. Disposing an unnamed one without `commit` leaves no trace; a named one keeps its bytes
 * and can be reopened by the same name, in another process too.
 *
 * Once the ingest was aborted from elsewhere, writing and committing fail with `aborted`.
 */
export interface Ingest extends AsyncDisposable {
  /** How far it has come, now. */
  readonly status: IngestStatus;
  /** The bytes stored so far, from the first: what a resumed writer hashes before it goes on. */
  stored(): Promise<ReadableStream<Uint8Array>>;
  /** Where the next bytes go. A chunk is the caller's again once its write has resolved. */
  readonly writable: WritableStream<Uint8Array>;
  /** Publishes the bytes, whole. Already present counts as success; a present copy of another size is replaced. */
  commit(blob: BlobInfo): Promise<void>;
}

/** What became of one copy that was to be deleted. */
export interface Removal {
  /** The blob. */
  readonly digest: Digest;
  /** `replaced`: another copy stands there now and was left alone; `unknown`: no answer came. */
  readonly outcome: "removed" | "absent" | "replaced" | "failed" | "unknown";
  /** Why it failed. */
  readonly error?: OciError;
}

/** Deleted blobs that can come back for a while. */
export interface Trash {
  /** What is there. */
  list(): AsyncIterable<{ batch: string; digest: Digest; size: number; removed: Date }>;
  /** Puts one back; true if the blob is in its place afterwards. */
  restore(batch: string, digest: Digest): Promise<boolean>;
  /** Removes one for good, or all of a batch. Absent counts as success. */
  purge(batch: string, digest?: Digest): Promise<void>;
}

/** Tells which names a listing leaves out. */
export interface Skip {
  (digest: Digest): boolean;
  /** Optional: the same of a sha256 whose 64 hex digits begin at an offset; for a store that reads names as bytes. */
  readonly hex?: (bytes: Uint8Array, at: number) => boolean;
}

/** The bytes of a layout: they never change, only come and go. */
export interface Blobs {
  /** Looks one up; undefined if it is not there. */
  stat(digest: Digest): Promise<BlobInfo | undefined>;
  /** Its bytes, from `start` up to, but not including, `end`; throws `not_found` at the call. */
  read(
    digest: Digest,
    range?: { start?: number; end?: number },
  ): Promise<ReadableStream<Uint8Array>>;
  /** All blobs, in any order. A name for which `skip` answers true is neither looked at nor yielded. */
  list(options?: { skip?: Skip }): AsyncIterable<BlobInfo>;
  /**
   * Starts a write, or goes on with the named one if neither size nor digest expected has changed. `again` gives the
   * bytes once more, from the first: a store that passes them on as they come may need them if that fails. Each of their
   * chunks is good until the next one is asked for.
   */
  ingest(options?: {
    ref?: string;
    expect?: Partial<BlobInfo>;
    again?: () => AsyncIterable<Uint8Array>;
  }): Promise<Ingest>;
  /** The named writes that are not yet committed. */
  ingests(): AsyncIterable<IngestStatus>;
  /** Removes a named write and its bytes, open or not; throws `not_found`. */
  abort(ref: string): Promise<void>;
  /**
   * Removes the copies that were seen, one answer each, in the order given: a batch may succeed in part. No request of
   * this call takes effect after `until`. `batch` names the folder of the trash, where there is one.
   */
  delete(
    seen: readonly BlobInfo[],
    options?: { until?: Date; batch?: string; signal?: AbortSignal },
  ): Promise<readonly Removal[]>;
  /**
   * Optional: takes a blob from `source` without its bytes passing through here; false to decline. True means that it
   * is in place, of that size, and durable as a commit is. A store that writes all at once, such as an archive, may
   * answer true and read `bytes` only then: at the latest in the swap of the document that needs it. If they are not
   * right, or cannot be had, that swap fails with an error that names the blob, which is not in place any more. Each of
   * their chunks is good until the next one is asked for.
   */
  adopt?(
    source: URL,
    blob: BlobInfo,
    bytes?: () => AsyncIterable<Uint8Array>,
  ): Promise<boolean>;
  /**
   * Optional: gives the copy seen a new, never used `version` and `modified`; throws `conflict` if it is gone or
   * replaced. Its presence promises that `delete` is exact and that every `commit` leaves a new version.
   */
  renew?(seen: BlobInfo): Promise<BlobInfo>;
  /** Optional: the store itself enforces `until`, if it is at least this many milliseconds ahead. */
  readonly deleteBound?: number | undefined;
  /** Optional: what `delete` removed can come back for a while. */
  readonly trash?: Trash;
  /** Optional: drops what unnamed writes left that died, untouched since `before`; gives how many. */
  tidy?(before: Date): Promise<number>;
}

/**
 * A small document as it was when it was read; `version` differs after every write, even of equal text. A store whose
 * versions follow content varies the stored text (white space or a nonce, never the JSON value) to keep this.
 */
export interface Doc {
  /** What it says. */
  readonly text: string;
  /** Names this very write of it. */
  readonly version: string;
}

/** The few small documents of a layout: each changes whole or not at all. */
export interface Docs {
  /** Reads one; `corrupt` if it is not UTF-8, `size_exceeded` if it has more than `limit` bytes. */
  load(name: string, options?: { limit?: number }): Promise<Doc | undefined>;
  /**
   * Writes `text`, or removes on undefined, if the document is still as `seen` (undefined: absent); else throws
   * `conflict`: something else stands there now. What was published before is durable first. Where nobody can tell
   * whether it was written, throws `unavailable` with the reason `unknown`.
   *
   * Any other error promises that nothing changed; a `conflict` that nothing will any more. A far store may have taken
   * the text, lost its answer, and be written to by others before a second try. So whoever goes on after a `conflict`
   * looks at what stands there: for a mark of its own that others keep, as the index has, or with an edit that leaves
   * what it finds done.
   */
  swap(name: string, text: string | undefined, seen: Doc | undefined): Promise<Doc | undefined>;
  /** The names that begin with `prefix`, in any order. */
  list(prefix: string): AsyncIterable<string>;
  /** Optional: what a document said before it was last written, as long as the store keeps that. */
  previous?(name: string): Promise<string | undefined>;
}

/** One thing that was tried of a store, or seen in it. */
export interface Finding {
  /** What was tried. */
  readonly name: string;
  /** `fail` only where something is needed; `skip` where it could not be tried. */
  readonly result: "ok" | "warn" | "fail" | "skip";
  /** Whether the place is of less use without it. */
  readonly required: boolean;
  /** What was seen. */
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** What a store can do, found out by trying. */
export interface Diagnosis {
  /** All that was tried. */
  readonly findings: readonly Finding[];
  /** Whether many may write at once, and whether garbage may be collected meanwhile. */
  readonly safe: { readonly concurrentWrites: boolean; readonly gc: boolean };
  /** What else is known of it, for programs. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Where a layout lives. */
export interface Backend extends AsyncDisposable {
  /** Its identity; carries no secret. */
  readonly url: URL;
  /** The bytes that never change. */
  readonly blobs: Blobs;
  /** The documents that change whole. */
  readonly docs: Docs;
  /** Optional: a better lock than leases kept in docs. */
  readonly lock?: Lock;
  /**
   * Optional: a request takes long, and costs money. Whoever waits for a lease asks less often then, and only large
   * blobs are copied under a name, which takes some twenty requests to keep the book of.
   */
  readonly far?: boolean;
  /** Optional: the store's clock. */
  now?(): Promise<Date>;
  /** Optional: requests made so far, by class. */
  usage?(): Readonly<Record<string, number>>;
  /** Optional: bytes that went over the wire so far, and what all requests cost at list prices, in dollars. */
  traffic?(): { readonly sent: number; readonly received: number; readonly cost: number };
  /** Optional: tries what the store can do, in scratch keys that it removes; one opened to read writes none. */
  diagnose?(): Promise<Diagnosis>;
  /**
   * Optional: mends what only the store itself sees, such as modes of files and what dead writers left, and tells of
   * each in a sentence.
   */
  mend?(): AsyncIterable<string>;
}

/** How a layout is opened: `read` never writes a byte, `write` needs a layout, `create` makes one. */
export type OpenMode = "read" | "write" | "create";

/** `full`: on disk before success is reported; `none`: for throw-away layouts. */
export type Durability = "full" | "none";

/** What a backend is opened with. */
export interface BackendOptions {
  /** How it will be used. */
  readonly mode: OpenMode;
  /** Whether success waits for the disk. */
  readonly durability: Durability;
  /** Milliseconds to wait for a lock. */
  readonly wait: number;
  /** Time and chance. */
  readonly clock: import("./clock.ts").Clock;
  /** Something odd was found. */
  readonly notice: (code: string, message: string) => void;
}

/** Opens the place that `url` names. Nothing is made in mode `read` and `write`. */
export type OpenBackend = (url: URL, options: BackendOptions) => Promise<Backend>;
