/**
 * What a program needs before it touches a layout: loads at once, brings no package. The rest is in `mod.ts`.
 *
 * @module
 */
export { type ErrorCode, isOciError, messageOf, OciError } from "./errors.ts";
export { type Clock, systemClock } from "./clock.ts";
export { type Digest, isDigest, looksLikeDigest } from "./digest.ts";
export { parsePlatform } from "./platform.ts";
export { localPath, localUrl } from "./local/local_url.ts";
export { hidden, type Place, placeUrl } from "./place.ts";
export { formatReference, parseReference, type Reference } from "./reference.ts";
export { createRegistry, type Plugin, type Registry } from "./plugin.ts";
export type { Hook, Notice } from "./hook.ts";
export type { OnEvent, ProgressEvent, Tally } from "./events.ts";
export type { OpenMode } from "./backend.ts";
export type { Layout } from "./layout.ts";
export {
  type Command,
  type CommandBody,
  type CommandContext,
  defineBody,
  defineCommand,
  type Result,
  type Terminal,
} from "./command.ts";
export type { FlagSpec, FlagTable, FlagValue, FlagValues } from "./flag.ts";
export { bytes, cells, columns, pad, plural, visible } from "./text.ts";
export { readDuration, readSize } from "./units.ts";
export { isUsage, reading, usageError } from "./usage.ts";
