import {
  type CommandContext,
  type CopyOptions,
  type Digest,
  expectFlags,
  transferFlags,
  usageError,
  writeFlags,
} from "../../core/mod.ts";
import type { Source } from "./copy_sources.ts";

/** The flags of `stowage copy`. */
export const copyFlags = {
  "all": { type: "switch", help: "everything the source lists" },
  "include": { type: "text", many: true, placeholder: "GLOB", help: "with --all: only such names" },
  "exclude": { type: "text", many: true, placeholder: "GLOB", help: "with --all: no such names" },
  "platform": {
    type: "platform",
    many: true,
    help: "one: that manifest alone; several: a new index of them; with --sparse the index stays",
  },
  "sparse": { type: "switch", help: "what is left out, or missing in the source, may be missing" },
  "referrers": { type: "switch", help: "also signatures and whatever else refers to it" },
  "referrer-type": {
    type: "text",
    many: true,
    placeholder: "TYPE",
    help: "only referrers of this artifact type",
  },
  "deep": { type: "switch", help: "verify what is there already, and replace what is damaged" },
  "include-external": { type: "switch", help: "also layers that may be had elsewhere" },
  "except": {
    type: "text",
    many: true,
    placeholder: "KNOWN",
    help: "leave out the blobs of this place, or of this file: the other side's `list --blobs -q`",
  },
  "docker-compat": { type: "switch", help: "to an archive: also what docker load reads" },
  "tag": { type: "text", many: true, placeholder: "NAME", help: "one more name" },
  "create": { type: "switch", help: "make the layout if none is there" },
  ...expectFlags,
  ...writeFlags,
  ...transferFlags,
} as const;

/** What `stowage copy` runs with. */
export type Copy = CommandContext<typeof copyFlags>;

/** Makes sure that the flags fit what was named. */
export function assertSelection(
  { flags }: Copy,
  references: readonly { name?: string; digest?: Digest }[],
) {
  const named = references.some(({ name, digest }) => name !== undefined || digest !== undefined);
  if (flags.all && named) {
    throw usageError('Cannot take "--all" of a reference: name the place alone');
  }
  if (!flags.all && flags.include.length + flags.exclude.length > 0) {
    throw usageError('Cannot take "--include" or "--exclude" without "--all"');
  }
  if (flags.except.length > 0 && flags.platform.length > 1 && !flags.sparse) {
    throw usageError('Cannot make a new index of what the other side has: add "--sparse"');
  }
}

/** The names to set in place of the source's own: those given besides, or instead where the target is named. */
export function namesFor(
  { flags }: Copy,
  sources: readonly Source[],
  name: string | undefined,
): Pick<CopyOptions, "as"> {
  const items = sources.flatMap((source) => source.items);
  const { size } = new Set(items.map(({ digest }) => digest));
  if (flags.expect !== undefined && items.length + flags.tag.length > 1) {
    throw usageError('Cannot take "--expect" for several names: copy one');
  }
  if (name === undefined && flags.tag.length === 0) return {};
  if (size > 1) throw usageError(`Cannot give ${size} references the same name: copy one`);
  const own = name === undefined ? items.flatMap((item) => item.name ?? []) : [name];
  return { as: [...own, ...flags.tag] };
}

/** The flags as the library takes them. */
export function optionsOf({ flags }: Copy): CopyOptions {
  const { platform, sparse, referrers, expect } = flags;
  const [only, ...others] = platform;
  const types = flags["referrer-type"];
  return {
    sparse,
    jobs: flags.jobs,
    includeExternal: flags["include-external"],
    ...(flags.deep ? { deep: "verify" } : {}),
    ...(only === undefined
      ? {}
      : others.length === 0 && !sparse
      ? { platform: only }
      : { platforms: platform }),
    ...(types.length > 0
      ? { referrers: { artifactTypes: types } }
      : referrers
      ? { referrers }
      : {}),
    ...(expect === undefined ? {} : { expect: expect === "none" ? null : expect }),
  };
}
