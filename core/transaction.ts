import {
  annotated,
  type Descriptor,
  descriptorSchema,
  IMAGE_NAME,
  REF_NAME,
} from "./descriptor.ts";
import { type Digest, isDigest, looksLikeDigest, parseDigest } from "./digest.ts";
import { OciError } from "./errors.ts";
import type { ImageIndex } from "./image_index.ts";
import {
  entriesOf,
  entryOf,
  found as entriesFound,
  isUsable,
  listed,
  named,
} from "./index_entries.ts";
import {
  change,
  entryFor,
  insert,
  type KeepOptions,
  remove,
  withoutReference,
  withReference,
} from "./index_edits.ts";
import { copyJson, sameJson } from "./json.ts";
import { checkName, nameless, nameOf } from "./names.ts";
import { resolve, type ResolveOptions } from "./resolve.ts";
import { check } from "./schema.ts";
import { placeOf, type Store } from "./store.ts";

/** What a name is set to: a descriptor, or a digest or name that is resolved. */
export type TagTarget = Descriptor | string;

/** What must hold for a name to be changed. */
export interface ExpectOptions extends KeepOptions {
  /** The digest the name must have; null: it must be free. */
  readonly expect?: Digest | null;
}

/** How a name is set. */
export interface TagOptions extends ExpectOptions, ResolveOptions {
  /** Laid over the annotations of the entry; null removes one. */
  readonly annotations?: Readonly<Record<string, string | null>>;
  /** Accept that some of it is not stored, and declare the layout sparse. */
  readonly sparse?: boolean;
}

/** Edits of the index that are published together or not at all. Reads see the edits made so far. */
export interface Transaction {
  /** The index with the edits made so far; not to be written to. */
  readonly index: ImageIndex;
  /** What a name or digest stands for. */
  resolve(name: string, options?: ResolveOptions): Promise<Descriptor>;
  /** Sets names; `conflict`, `already_exists` if one is not as expected. Gives the entries that were set. */
  tag(
    target: TagTarget,
    names: string | readonly string[],
    options?: TagOptions,
  ): Promise<Descriptor[]>;
  /** Sets a name anew to the very entry it has, for hooks to see; `ambiguous` where several entries bear it. */
  retag(name: string): Descriptor;
  /** Drops a name; gives its former entries. */
  untag(name: string, options?: ExpectOptions): readonly Descriptor[];
  /** Lists a descriptor without a name, once. */
  insert(descriptor: Descriptor): void;
  /** Lays annotations over the entries of a name or digest, in place; null removes one. */
  annotate(target: string, annotations: Readonly<Record<string, string | null>>): void;
  /** Drops all entries of a digest; gives them. */
  remove(digest: Digest): readonly Descriptor[];
}

/** A transaction and what it leaves behind, besides its index. */
export interface Begun extends Transaction {
  index: ImageIndex;
  /** Whether one of its edits accepted missing content. */
  sparse: boolean;
  /** Entries that were set to what they are already: hooks see them all the same. */
  readonly again: Set<Descriptor>;
}

/** A transaction on `before`. */
export function beginTransaction(store: Store, before: ImageIndex, time: string): Begun {
  const tx = {
    index: before,
    sparse: false,
    again: new Set<Descriptor>(),
    resolve: async (name: string, options?: ResolveOptions) =>
      copyJson(await resolve(store, tx.index, name, options, isOwn)),

    async tag(target: TagTarget, names: string | readonly string[], options: TagOptions = {}) {
      const { annotations = {}, keepPrevious = false, expect, sparse = false } = options;
      const descriptor = checked(annotated(await described(target, options), annotations));
      const set: Descriptor[] = [];
      for (const name of new Set(typeof names === "string" ? [names] : names)) {
        if (name === descriptor.digest) {
          tx.insert(descriptor);
          continue;
        }
        expectDigest(checkName(name), expect);
        const entry = entryFor(tx.index, name, descriptor, time);
        const index = withReference(tx.index, entry, { keepPrevious });
        if (index === tx.index) named(index, name).forEach((one) => tx.again.add(one));
        tx.index = index;
        set.push(entry);
      }
      tx.sparse ||= sparse;
      return copyJson(set);
    },

    retag(name: string) {
      const { full } = called(name, "set", { suffix: false });
      const [entry, ...others] = named(tx.index, full);
      if (!entry || others.length > 0) {
        throw new OciError(
          "ambiguous",
          `Cannot set ${JSON.stringify(name)}: ${others.length + 1} entries bear it`,
          { url: placeOf(store), ref: name },
        );
      }
      tx.again.add(checked(entry));
      return copyJson(entry);
    },

    untag(name: string, { expect, keepPrevious = false }: ExpectOptions = {}) {
      if (name === "" || looksLikeDigest(name)) {
        throw new OciError("invalid", `Cannot untag ${JSON.stringify(name)}: it is no name`);
      }
      const { full } = called(name, "untag", { suffix: false });
      expectDigest(full, expect);
      const former = named(tx.index, full);
      tx.index = withoutReference(tx.index, full, { keepPrevious });
      return copyJson(former);
    },

    insert(descriptor: Descriptor) {
      tx.index = insert(tx.index, checked(descriptor));
    },

    annotate(target: string, annotations: Readonly<Record<string, string | null>>) {
      if (REF_NAME in annotations || IMAGE_NAME in annotations) {
        throw new OciError("invalid", "Cannot annotate an entry with a name: set it with a tag");
      }
      const found = looksLikeDigest(target)
        ? entriesOf(tx.index, parseDigest(target))
        : called(target, "annotate").found.filter(isUsable);
      if (found.length === 0) throw absent(target, "annotate");
      const replace = new Map<Descriptor, Descriptor>();
      for (const entry of found) {
        const edited = annotated(entry, annotations);
        if (!sameJson(edited, entry)) replace.set(entry, checked(edited));
      }
      tx.index = change(tx.index, { replace });
    },

    remove(digest: Digest) {
      parseDigest(digest);
      const former = listed(tx.index, digest);
      if (former.length === 0) throw absent(digest, "remove");
      tx.index = remove(tx.index, digest);
      return copyJson(former);
    },
  };

  /** Whether an entry was set in this transaction: nobody needs to be asked about it. */
  function isOwn(entry: Descriptor): boolean {
    const isIn = (index: ImageIndex) => listed(index, entry.digest).includes(entry);
    return isIn(tx.index) && (tx.again.has(entry) || !isIn(before));
  }

  /** The entries that a name finds, and their one full name. */
  function called(name: string, action: string, rules?: { suffix: boolean }) {
    const found = entriesFound(tx.index, name, rules);
    const all = [...new Set(found.map(nameOf))];
    const [full] = all;
    if (full === undefined) throw absent(name, action);
    if (all.length === 1) return { full, found };
    const list = all.map((one) => JSON.stringify(one)).join(", ");
    throw new OciError("ambiguous", `Cannot ${action} ${JSON.stringify(name)}: it names ${list}`, {
      url: placeOf(store),
      ref: name,
    });
  }

  async function described(target: TagTarget, options: ResolveOptions): Promise<Descriptor> {
    if (typeof target !== "string") return target;
    const listed = isDigest(target) && options.platform === undefined &&
      entryOf(tx.index, target);
    return annotated(listed || await tx.resolve(target, options), nameless);
  }

  function expectDigest(name: string, expect: Digest | null | undefined): void {
    if (expect === undefined) return;
    if (expect !== null) parseDigest(expect);
    const entries = named(tx.index, name);
    if (expect === null) {
      if (entries.length === 0) return;
      throw new OciError(
        "already_exists",
        `Cannot set "${name}": it names ${entries[0]?.digest} already`,
        { url: placeOf(store), ref: name },
      );
    }
    const other = entries.find((entry) => entry.digest !== expect);
    if (entries.length > 0 && other === undefined) return;
    throw new OciError(
      "conflict",
      `Cannot set "${name}": it names ${other?.digest ?? "nothing"}, not ${expect}`,
      { url: placeOf(store), ref: name },
    );
  }

  function absent(name: string, action: string): OciError {
    return new OciError(
      "not_found",
      `Cannot ${action} ${JSON.stringify(name)}: no such reference`,
      { url: placeOf(store), ref: name },
    );
  }

  return tx;
}

/** A descriptor that may be listed; throws `invalid_digest`, `invalid`. */
function checked(descriptor: Descriptor): Descriptor {
  parseDigest(descriptor.digest);
  return check(descriptorSchema, descriptor, "invalid", "Cannot list the descriptor");
}
