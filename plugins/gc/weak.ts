import {
  type Descriptor,
  type ImageIndex,
  isUsable,
  kindOf,
  nameOf,
  readNode,
  type Store,
  SUBJECT,
  taggedSubject,
} from "../../core/mod.ts";
import { unreadable } from "./mark.ts";

/** Something that lives and dies with its subject. */
export interface Weak {
  readonly target: Descriptor;
  /** Whether the index lists it. */
  readonly listed: boolean;
  /** The digest it is about. */
  readonly subject: string;
}

/** The entries of an index: those that keep what they reach, and those that only follow their subject. */
export async function splitRoots(
  store: Store,
  index: ImageIndex,
): Promise<{ strong: Descriptor[]; weak: Weak[] }> {
  const strong: Descriptor[] = [];
  const weak: Weak[] = [];
  for (const target of index.manifests.filter(isUsable)) {
    const subject = await subjectOf(store, target);
    if (subject === undefined) strong.push(target);
    else weak.push({ target, listed: true, subject });
  }
  return { strong, weak };
}

/** The subject of a weak entry: a digest tag's, or that of an entry without a name. */
async function subjectOf(store: Store, entry: Descriptor): Promise<string | undefined> {
  const name = nameOf(entry);
  if (name !== undefined) return taggedSubject(name);
  const annotated = entry.annotations?.[SUBJECT];
  if (annotated !== undefined || kindOf(entry.mediaType) === undefined) return annotated;
  if (!await store.backend.blobs.stat(entry.digest)) return undefined;
  try {
    return (await readNode(store, entry)).subject?.digest;
  } catch (error) {
    throw unreadable(entry.digest, error);
  }
}
