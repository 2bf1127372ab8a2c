import type { BlobFiles, BlobInfo, LocalPlace } from "../../core/mod.ts";
import type { Archive } from "./archive.ts";
import type { Body } from "./body.ts";
import type { Copies } from "./copies.ts";

/** A blob that was adopted and is read only when the archive is written. */
export interface Pending {
  readonly info: BlobInfo;
  readonly body: Body;
}

/** What the parts of an archive as a backend share. */
export interface TarStore {
  readonly place: LocalPlace;
  readonly archive: Archive;
  readonly copies: Copies;
  /** Blobs that were stored and wait to be appended. */
  readonly staged: BlobFiles;
  readonly pending: Map<string, Pending>;
  /** A version that was never used. */
  readonly version: () => string;
  /** Removes a staged copy, if it is the one that was seen. */
  readonly unstage: (seen: BlobInfo) => Promise<boolean>;
  /** What holds for the layout as a whole, as it is noted beside the archive. */
  readonly facts: () => Promise<string | undefined>;
  /** Whether this opening has made the archive, and nothing was listed in it yet. */
  fresh: boolean;
}
