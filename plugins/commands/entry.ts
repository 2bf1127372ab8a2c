import {
  type Annotations,
  type CommandContext,
  type Descriptor,
  type Digest,
  isTag,
  kindOf,
  nameOf,
  type Place,
  type Platform,
} from "../../core/mod.ts";

/** A descriptor as results show it. */
export interface Entry {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly kind: "manifest" | "index" | "other";
  readonly names?: readonly string[];
  readonly artifactType?: string;
  readonly platform?: Platform;
  readonly annotations?: Annotations;
}

/** A descriptor as an entry; by itself it has the name that it bears. */
export function entryOf(
  descriptor: Descriptor,
  names: readonly string[] = [nameOf(descriptor) ?? []].flat(),
): Entry {
  const { digest, mediaType, size, artifactType, platform, annotations } = descriptor;
  const kind = kindOf(mediaType);
  return {
    digest,
    mediaType,
    size,
    kind: kind === undefined ? "other" : kind === "index" ? "index" : "manifest",
    ...(names.length > 0 ? { names } : {}),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(platform === undefined ? {} : { platform }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** `place:tag@digest`, or `place@digest` where the name is no tag. */
export function pinned(
  context: Pick<CommandContext, "print">,
  place: Place,
  digest: Digest,
  name?: string,
): string {
  return context.print({ place, digest, ...(name !== undefined && isTag(name) ? { name } : {}) });
}
