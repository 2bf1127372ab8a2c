import { type BlobInfo, type Digest, OciError } from "../../core/mod.ts";
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
  /** Links that are no blobs, by name: only docker archives need them. */
  readonly links: Map<string, Link>;
  /** Blobs and documents that are no regular files, by digest or name, and what they are called in the archive. */
  readonly strange: Map<string, string>;
  /** Names that lead out of the archive: the first, and how many. */
  readonly hostile: { readonly first: string; readonly count: number };
}

/** A member that leads to another one: a symbolic link from its own folder, a hard one from the root. */
export type Link = Member & { readonly link: string };

/** Gathers the members of an archive, one after the other. */
export interface Gathering {
  add(member: Member): void;
  end(ending: Ending): Contents;
}

/** The bytes that names of foreign files may take. */
const MOST_NAMES = 32 << 20;

/** Starts to gather. */
export function gather(): Gathering {
  const blobs = new Map<Digest, Entry>();
  const docs = new Map<string, Member[]>();
  const [shadowed, dead]: [Entry[], Entry[]] = [[], []];
  const others = new Map<string, Member>();
  const links = new Map<string, Link>();
  let hostile = { first: "", count: 0 };
  let kept = 0;
  const strange = new Map<string, string>();
  return {
    add(member) {
      const meaning = meaningOf(member.name);
      const isFile = member.type === "0" && !member.name.endsWith("/");
      if (meaning.kind === "nothing") return;
      if (meaning.kind === "hostile") {
        hostile = { first: hostile.first || member.name, count: hostile.count + 1 };
        return;
      }
      if (meaning.kind === "other") {
        if (isFile || member.link !== undefined) keep(member);
        return;
      }
      if (meaning.kind === "doc") {
        const { name } = meaning;
        if (isFile) docs.get(name)?.push(member) ?? docs.set(name, [member]);
        if (member.link !== undefined) keep(member);
        return note(name, member, isFile || member.type === "5");
      }
      const { kind, digest } = meaning;
      const entry = entryOf(member, digest, meaning.from);
      if (kind === "dead") return void (isFile && dead.push(entry));
      note(digest, member, isFile);
      const former = blobs.get(digest);
      if (former) shadowed.push(former);
      blobs.delete(digest);
      if (isFile) blobs.set(digest, entry);
    },
    end: (ending) => ({ ...ending, blobs, docs, shadowed, dead, others, links, strange, hostile }),
  };

  function keep(member: Member): void {
    const { name, link } = member;
    kept += name.length + (link?.length ?? 0);
    if (kept > MOST_NAMES) {
      throw new OciError(
        "size_exceeded",
        `Cannot read the archive: names of foreign files take more than ${MOST_NAMES} bytes`,
      );
    }
    others.delete(name);
    links.delete(name);
    if (link === undefined) others.set(name, member);
    else links.set(name, { ...member, link });
  }

  /** The last of a name decides. */
  function note(key: string, { name }: Member, good: boolean): void {
    strange.delete(key);
    if (!good) strange.set(key, name);
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
