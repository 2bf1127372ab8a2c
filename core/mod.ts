/**
 * All that a plugin may import, named one by one.
 *
 * @module
 */
export {
  asOciError,
  type ErrorCode,
  type ErrorDetails,
  isOciError,
  messageOf,
  OciError,
} from "./errors.ts";
export { type Clock, randomHex, systemClock } from "./clock.ts";
export {
  type Algorithm,
  createDigester,
  type Digest,
  type Digester,
  digestOf,
  isDigest,
  looksLikeDigest,
  parseDigest,
  splitDigest,
  writableAlgorithm,
} from "./digest.ts";
export type {
  Backend,
  BackendOptions,
  BlobInfo,
  Blobs,
  Diagnosis,
  Doc,
  Docs,
  Durability,
  Finding,
  Ingest,
  IngestStatus,
  OpenBackend,
  OpenMode,
  Removal,
  Skip,
  Trash,
} from "./backend.ts";
export type { Lease, Lock, LockOptions } from "./lock.ts";
export { leaseLock, type LeaseOptions } from "./lease.ts";
export type { Owner } from "./owner.ts";
export { editDoc, editJson, type EditOptions, loadJson } from "./docs.ts";
export {
  annotated,
  type Annotations,
  canonical,
  type Descriptor,
  descriptorSchema,
  digestSchema,
  IMAGE_NAME,
  type Platform,
  REF_NAME,
  sizeSchema,
  TAGGED,
} from "./descriptor.ts";
export { check, complaint, type Schema, z } from "./schema.ts";
export type {
  Awaitable,
  Hook,
  HookContext,
  MaintainContext,
  MaintainReport,
  Notice,
  TagContext,
} from "./hook.ts";
export { type ImageIndex, INDEX_TYPE } from "./image_index.ts";
export { entriesOf, found, isUsable, named, saying, usable } from "./index_entries.ts";
export type { KeepOptions } from "./index_edits.ts";
export { parseIndex, printIndex } from "./index_text.ts";
export { copyJson, decodeUtf8, parseJson, sameJson } from "./json.ts";
export {
  type Edge,
  isExternal,
  kindOf,
  leadsToNode,
  MANIFEST_TYPE,
  type Node,
  type NodeKind,
  OCTET_STREAM,
  parseNode,
  UNKNOWN_SIZE,
} from "./manifest.ts";
export {
  checkName,
  entriesNamed,
  isDigestTag,
  nameOf,
  spelling,
  splitName,
  splitPinned,
  taggedSubject,
} from "./names.ts";
export { matches, parsePlatform, printPlatform } from "./platform.ts";
export { checkClosure } from "./closure.ts";
export {
  kindOfVisit,
  pathOf,
  predecessors,
  type Visit,
  walkGraph,
  type WalkOptions,
} from "./graph.ts";
export { listedReferrers, type ReferrersOptions, type Tie } from "./referrers.ts";
export { type Expected, type Pushed } from "./put.ts";
export { type BlobReader } from "./blob_reader.ts";
export { type FetchOptions, read, readAll, readNode } from "./read.ts";
export { type ResolveOptions } from "./resolve.ts";
export { INDEX } from "./index_reader.ts";
export { generationOf } from "./nonce.ts";
export { type Edited, isForeign, type Operation, type Root } from "./root.ts";
export {
  type Collection,
  collectionOf,
  epochOf,
  fenced,
  type Stamps,
  withCollection,
} from "./fence.ts";
export {
  type Claim,
  type CollectionState,
  condemnedDigests,
  condemnedName,
  isOver,
  type Shard,
  shardName,
  shardOf,
  shardsOf,
  STATE,
  stateSchema,
  withPhase,
} from "./collection.ts";
export { transact } from "./edit.ts";
export { hookContext, hookEdges } from "./run_hooks.ts";
export {
  type Chunks,
  chunksOf,
  collect,
  type OpenableSource,
  type SeekableSource,
  type Source,
} from "./source.ts";
export { assertWritable, defaultLimits, type Limits, type Store, timeOf } from "./store.ts";
export type { ExpectOptions, TagOptions, TagTarget, Transaction } from "./transaction.ts";
export { ingestLease, type OpenWriterOptions } from "./writer.ts";
export type { CommitOptions, Writer } from "./named_writer.ts";
export type { Written } from "./write_blob.ts";
export { dropLabels, type Info, type Labels } from "./labels.ts";
export type { DeleteOptions, DeleteReport } from "./delete.ts";
export type { ListOptions, NamedEntry } from "./list.ts";
export type { PushManifestOptions } from "./push_manifest.ts";
export type { Pusher } from "./pusher.ts";
export { type MoveOptions } from "./mover.ts";
export type { CopiedReference, CopyOptions, CopyReport } from "./copy.ts";
export type { ReferrerChoice, RootOptions } from "./copy_roots.ts";
export { type Meter, type OnEvent, type ProgressEvent, startMeter, type Tally } from "./events.ts";
export { Layout, type ReadTarget } from "./layout.ts";
export { type OpenOptions } from "./open.ts";
export { copy, openLayout, type OpenLayoutOptions } from "./open_layout.ts";
export { compileFilters, type Fields, type Predicate } from "./filter.ts";
export { isSparse, type LayoutFacts, loadFacts, noteFacts } from "./layout_file.ts";
export { renewTime } from "./local/blob_file.ts";
export { type BlobFiles, blobFiles } from "./local/blob_files.ts";
export { docNames } from "./local/doc_names.ts";
export { docFiles, type DocFilesOptions, type DocGuard } from "./local/doc_files.ts";
export { errnoOf, fileError, orUnknown, unlessMissing } from "./local/file_error.ts";
export { type FileLock, fileLock, type FileLockOptions } from "./local/file_lock.ts";
export { clampRange, fileStream } from "./local/file_stream.ts";
export { type FileWriter, fileWriter, writeTo, type WrittenFile } from "./local/file_writer.ts";
export {
  createDisk,
  type Disk,
  lookAt,
  type OnStep,
  steadyTime,
  timeOf as fileTime,
  uniqueName,
} from "./local/files.ts";
export { type Flock, flock } from "./local/flock.ts";
export { ingestFiles, type IngestFilesOptions } from "./local/ingest_files.ts";
export { type Limbo, openLimbo } from "./local/limbo.ts";
export { createPlace, type LocalPlace, type PlaceOptions } from "./local/local_place.ts";
export { type Bury, removeBlobs } from "./local/removal.ts";
export { localPath, localUrl } from "./local/local_url.ts";
export { renewBlob } from "./local/renewal.ts";
export {
  createRegistry,
  type HookFactory,
  type HookFlags,
  type Plugin,
  type Registry,
} from "./plugin.ts";
export { readAt, writeAt } from "./local/positions.ts";
export { tidied } from "./local/tidy.ts";
export { type TrashFolder, trashFolder } from "./local/trash_folder.ts";
export {
  type Command,
  type CommandBody,
  type CommandContext,
  defineBody,
  defineCommand,
  type Result,
  type Terminal,
} from "./command.ts";
export {
  expectFlags,
  type FlagSpec,
  type FlagTable,
  type FlagValue,
  type FlagValues,
  transferFlags,
  writeFlags,
} from "./flag.ts";
export { hidden, isTag, type Place, placeUrl } from "./place.ts";
export { formatReference, parseReference, type Reference } from "./reference.ts";
export type { CascadeOptions } from "./delete_plan.ts";
export type { One, Word } from "./flag.ts";
export { chosenBy } from "./glob.ts";
export { bytes, columns, plural } from "./text.ts";
export { readDuration, readSize } from "./units.ts";
export { isUsage, reading, usageError } from "./usage.ts";
export { isBlank } from "./index_reader.ts";
export { SUBJECT } from "./referrers.ts";
