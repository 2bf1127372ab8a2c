import type { BlobInfo, Digest } from "../../core/mod.ts";
import { BLOCK } from "./block.ts";
import type { Ending, Member } from "./members.ts";
import { BLOBS, meaningOf } from "./names.ts";

/** A blob in an archive, or what is left of one. */
export interface Entry extends Pick<BlobInfo, "digest" | "size"> {
  /** Where its bytes begin. */
  readonly data: number;
  /** Its own header block. */
  readonly header: number;
  /** Where the folder in its name stands. */
  readonly folderAt: number;
  /** Seconds since 1970, as its header says. */
  readonly mtime: number;
}

/** What an archive holds of a layout. */
export interface Contents extends Ending {
  /** The last of each digest. */
  readonly blobs: Map<Digest, Entry>;
  /** Earlier copies of the same digests. */
  readonly shadowed: Entry[];
  /** Blobs that were deleted and can come back. */
  readonly dead: Entry[];
  /** Documents by name, the last one last. */
  readonly docs: Map<string, Member[]>;
  /** Files that mean nothing to a layout, by name, the last of each. */
  readonly others: Map<string, Member>;
  /** Blobs and documents that are links, or files with holes. */
  readonly strange: Set<string>;
  /** Names that lead out of the archive. */
  readonly hostile: string[];
}

/** Gathers the members of an archive, one after the other. */
export interface Gathering {
  add(member: Member): void;
  end(ending: Ending): Contents;
}

/** Starts to gather. */
export function gather(): Gathering {
  const blobs = new Map<Digest, Entry>();
  const docs = new Map<string, Member[]>();
  const [shadowed, dead, hostile]: [Entry[], Entry[], string[]] = [[], [], []];
  const others = new Map<string, Member>();
  const strange = new Set<string>();
  return {
    add(member) {
      const meaning = meaningOf(member.name);
      const isFile = member.type === "0" && !member.name.endsWith("/");
      if (meaning.kind === "nothing") return;
      if (meaning.kind === "hostile") return void hostile.push(member.name);
      if (meaning.kind === "other") {
        if (isFile) others.set(member.name, member);
        return;
      }
      if (meaning.kind === "doc") {
        const { name } = meaning;
        if (isFile) docs.set(name, [...docs.get(name) ?? [], member]);
        note(name, isFile || member.type === "5");
        return;
      }
      const { kind, digest } = meaning;
      if (kind === "blob") note(digest, isFile);
      if (!isFile) return;
      const entry = entryOf(member, digest, meaning.from);
      if (kind === "dead") return void dead.push(entry);
      const former = blobs.get(digest);
      if (former) shadowed.push(former);
      blobs.delete(digest);
      blobs.set(digest, entry);
    },
    end: (ending) => ({ ...ending, blobs, docs, shadowed, dead, others, strange, hostile }),
  };

  /** The last of a name decides. */
  function note(name: string, good: boolean): void {
    if (good) strange.delete(name);
    else strange.add(name);
  }
}

/** A member as the blob it is named after. */
export function entryOf(member: Member, digest: Digest, from = 0): Entry {
  const { size, data, header, mtime, nameAt } = member;
  return { digest, size, data, header, mtime, folderAt: nameAt + from };
}

/** Whether the folder in a name can be changed in one step: a disk writes a sector whole or not at all. */
export function isPatchable({ folderAt }: Entry): boolean {
  return Math.floor(folderAt / BLOCK) === Math.floor((folderAt + BLOBS.length - 1) / BLOCK);
}
