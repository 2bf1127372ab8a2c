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
  Doc,
  Docs,
  Durability,
  Ingest,
  IngestStatus,
  OpenBackend,
  OpenMode,
  Removal,
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
export {
  entriesOf,
  type ImageIndex,
  INDEX_TYPE,
  isUsable,
  type KeepOptions,
  usable,
} from "./image_index.ts";
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
export { checkName, isDigestTag, nameOf, splitName, splitPinned } from "./names.ts";
export { matches, parsePlatform, printPlatform } from "./platform.ts";
export {
  checkClosure,
  pathOf,
  predecessors,
  type Visit,
  walkGraph,
  type WalkOptions,
} from "./graph.ts";
export { listedReferrers, type ReferrersOptions, type Tie } from "./referrers.ts";
export { type Expected, type Pushed } from "./put.ts";
export { type BlobReader, type FetchOptions, read, readAll, readNode } from "./read.ts";
export { type ResolveOptions } from "./resolve.ts";
export { type Edited, INDEX, type Operation, type Root } from "./root.ts";
export { epochOf, fenced, type Stamps } from "./fence.ts";
export { chunksOf, collect, type SeekableSource, type Source } from "./source.ts";
export { assertWritable, defaultLimits, type Limits, type Store } from "./store.ts";
export type { ExpectOptions, TagOptions, TagTarget, Transaction } from "./transaction.ts";
export type { CommitOptions, OpenWriterOptions, Writer } from "./writer.ts";
export type { Info, Labels } from "./labels.ts";
export type { DeleteOptions, DeleteReport } from "./delete.ts";
export type { ListOptions, NamedEntry } from "./list.ts";
export type { PushManifestOptions } from "./push_manifest.ts";
export type { Pusher } from "./pusher.ts";
export { type MoveOptions } from "./mover.ts";
export type { CopiedReference, CopyOptions, CopyReport, ReferrerChoice } from "./copy.ts";
export { type Meter, type OnEvent, type ProgressEvent, startMeter, type Tally } from "./events.ts";
export { Layout, type ReadTarget } from "./layout.ts";
export { type OpenOptions } from "./open.ts";
export { copy, openLayout, type OpenLayoutOptions } from "./open_layout.ts";
export { compileFilters, type Fields, type Predicate } from "./filter.ts";
export { type LayoutFacts, loadFacts, noteFacts } from "./layout_file.ts";
export { createRegistry, type HookFactory, type Plugin, type Registry } from "./plugin.ts";
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
