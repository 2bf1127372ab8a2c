import type { Backend, Blobs, Docs } from "./backend.ts";
import type { Clock } from "./clock.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import type { ImageIndex } from "./image_index.ts";

/** A value, now or later. */
export type Awaitable<T> = T | Promise<T>;

/** Something odd that was found or repaired without failing. */
export interface Notice {
  /** A word for it. */
  readonly code: string;
  /** A sentence for people. */
  readonly message: string;
  /** The blob it is about. */
  readonly digest?: Digest;
  /** The name it is about. */
  readonly ref?: string;
}

/** What every hook may use. */
export interface HookContext {
  /** The place the layout lives in. */
  readonly url: URL;
  /** Time and chance. */
  readonly clock: Clock;
  /** Aborts when the call does. */
  readonly signal?: AbortSignal;
  /** The index as it was read. */
  readonly index: ImageIndex;
  /** What was asked for, where something is read: a name, or one with a digest; nothing for an entry without a name. */
  readonly name?: string;
  /** The documents of this hook alone: what it calls `x` lies at `.stowage/`, its name, `/x`. */
  readonly docs: Docs;
  /** Looks at blobs. */
  readonly blobs: Pick<Blobs, "stat" | "list">;
  /** The bytes of a small blob, verified; throws `not_found`. */
  fetchAll(digest: Digest): Promise<Uint8Array>;
  /** Reports something odd. */
  notice(notice: Notice): void;
}

/** What a hook may use while a name is being set. */
export interface TagContext extends HookContext {
  /** Stores a blob; its descriptor comes back. */
  put(mediaType: string, bytes: Uint8Array): Promise<Descriptor>;
  /** The index with the edits made so far, those of hooks included. */
  readonly edited: ImageIndex;
  /** Adds an entry in the same swap; one with a name replaces what bears that name. */
  insert(entry: Descriptor): void;
  /** Drops the entries equal to this one, of those that `index` shows, in the same swap. */
  drop(entry: Descriptor): void;
}

/** What a hook may use for maintenance. */
export interface MaintainContext extends HookContext {
  /** Where the bytes are. */
  readonly backend: Backend;
  /** Print what would be done, do nothing. */
  readonly dryRun: boolean;
}

/** What maintenance did, in the hook's own words. */
export type MaintainReport = Readonly<Record<string, unknown>>;

/** Code that takes part in what a layout does. To have a method is to subscribe to it. */
export interface Hook {
  /** Its name in messages. */
  readonly name: string;
  /**
   * A waterfall: what it returns goes to the next. Run on every attempt, again after a lost swap; throw to refuse.
   * Digest, size and names must stay as they are.
   */
  beforeTag?(entry: Descriptor, context: TagContext): Awaitable<Descriptor | void>;
  /** Runs once the name is set. What it throws is a notice. */
  afterTag?(entry: Descriptor, context: HookContext): Awaitable<void>;
  /** Runs on what a name resolved to, before a platform is chosen from it; throw to refuse. */
  beforeRead?(entry: Descriptor, context: HookContext): Awaitable<void>;
  /** More references that keep content alive. */
  edges?(node: Descriptor, context: HookContext): Awaitable<readonly Descriptor[]>;
  /** Looks after the layout, on request. */
  maintain?(context: MaintainContext): Awaitable<MaintainReport | void>;
}
