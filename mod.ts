/**
 * Stowage: one store for OCI image layouts, wherever the bytes live.
 *
 * @example Push a file and read it back by its name.
 * ```ts
 * import { openLayout } from "./mod.ts";
 *
 * await using store = await openLayout("mem:", { mode: "create" });
 * const bytes = new TextEncoder().encode("hello");
 * const { descriptor } = await store.push({ mediaType: "text/plain" }, bytes);
 * await store.tag(descriptor, "greeting");
 * console.log(new TextDecoder().decode(await store.fetchAll("greeting")));
 * ```
 *
 * @module
 */
import {
  type Backend,
  createRegistry,
  type Layout,
  openLayout as openLayoutWith,
  type OpenLayoutOptions,
} from "./core/mod.ts";
import { builtins } from "./plugins/mod.ts";

export {
  builtins,
  collectGarbage,
  type Fate,
  type GcBudget,
  type GcDropped,
  type GcFailed,
  type GcMode,
  type GcObject,
  type GcPhases,
  type GcPlan,
  type GcReferences,
  type GcReport,
  type GcRequest,
  type GcSpared,
  type GcTotals,
  type GcTrash,
  type GcUndone,
  type GcWarning,
  type NewKey,
  type NewKeyOptions,
  newSigningKey,
  planCollection,
  readPolicy,
  readRetention,
  readSigner,
  readVerifier,
  type RetentionPolicy,
  type RetentionRule,
  type SignAction,
  type SignBinding,
  type SignedTarget,
  type Signer,
  type SignForm,
  signHook,
  type SignJudged,
  type SignOptions,
  type SignPolicy,
  type SignPublicKey,
  type SignReason,
  type SignRule,
  type SignScheme,
  type SignSeen,
  type SignState,
  signState,
  type SignTrustedKey,
  type SignVerdict,
  type SignWarning,
  trustKeys,
  undoCollection,
  verifyName,
  type VerifyOptions,
} from "./plugins/mod.ts";
export {
  type Algorithm,
  annotated,
  type Annotations,
  type Awaitable,
  type Backend,
  type BackendOptions,
  type BlobInfo,
  type BlobReader,
  type Blobs,
  type CascadeOptions,
  type Clock,
  type Collection,
  type Command,
  type CommandBody,
  type CommandContext,
  type CommitOptions,
  type CopiedReference,
  copy,
  type CopyOptions,
  type CopyReport,
  createDigester,
  createRegistry,
  defineBody,
  defineCommand,
  type DeleteOptions,
  type DeleteReport,
  type Descriptor,
  type Diagnosis,
  type Digest,
  type Digester,
  digestOf,
  type Doc,
  type Docs,
  type Durability,
  type Edited,
  type ErrorCode,
  type ErrorDetails,
  type Expected,
  expectFlags,
  type ExpectOptions,
  type FetchOptions,
  type Finding,
  type FlagSpec,
  type FlagTable,
  type FlagValue,
  type FlagValues,
  formatReference,
  type Hook,
  type HookContext,
  type HookFactory,
  type HookFlags,
  type ImageIndex,
  type Info,
  type Ingest,
  type IngestStatus,
  isDigest,
  isOciError,
  type KeepOptions,
  type Labels,
  Layout,
  type Lease,
  type Limits,
  type ListOptions,
  type Lock,
  type LockOptions,
  type MaintainContext,
  type MaintainReport,
  type MoveOptions,
  type NamedEntry,
  type Notice,
  OciError,
  type One,
  type OnEvent,
  type OpenableSource,
  type OpenBackend,
  type OpenLayoutOptions,
  type OpenMode,
  type OpenOptions,
  type OpenWriterOptions,
  type Operation,
  parseDigest,
  parseReference,
  type Place,
  placeUrl,
  type Platform,
  type Plugin,
  type ProgressEvent,
  type Pushed,
  type Pusher,
  type PushManifestOptions,
  type ReadTarget,
  type Reference,
  type ReferrerChoice,
  type ReferrersOptions,
  type Registry,
  type Removal,
  type ResolveOptions,
  type Result,
  type Root,
  type RootOptions,
  type SeekableSource,
  type Skip,
  type Source,
  type Stamps,
  type Store,
  type TagContext,
  type TagOptions,
  type TagTarget,
  type Tally,
  type Terminal,
  type Transaction,
  transferFlags,
  type Trash,
  type Word,
  writeFlags,
  type Writer,
  type Written,
} from "./core/mod.ts";

/**
 * Opens the layout in a place: as it is typed (`./store`, `mem:`), as a URL, or a backend that is open already. Mode
 * `read`, the default, never writes a byte; `write` needs a layout; `create` makes one.
 *
 * @throws {OciError} `not_found`, `invalid`, `corrupt`, `unsupported`, `size_exceeded`, `unavailable`, `read_only`.
 *
 * @example
 * ```ts
 * import { openLayout } from "./mod.ts";
 *
 * await using store = await openLayout("mem:", { mode: "create" });
 * console.log(await store.references()); // []
 * ```
 */
export function openLayout(
  place: string | URL | Backend,
  options: OpenLayoutOptions = {},
): Promise<Layout> {
  return openLayoutWith(place, { registry: createRegistry(builtins), ...options });
}
