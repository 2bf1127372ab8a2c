import {
  type Backend,
  type BlobInfo,
  type Blobs,
  chunksOf,
  collect,
  type Digest,
  type Doc,
  type Docs,
  type Ingest,
  OciError,
} from "../../core/mod.ts";

/** Bytes that may be a manifest are kept, to be read again; nothing else is. */
const KEPT = 4 << 20;
const BRACE = 0x7b;
const EMPTY: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() };

const nothing = async function* () {};
const NO_DOCS: Pick<Docs, "load" | "list"> = {
  load: () => Promise.resolve(undefined),
  list: nothing,
};
const NO_BLOBS: Pick<Blobs, "stat" | "read" | "list" | "ingests"> = {
  stat: () => Promise.resolve(undefined),
  read: (digest) => Promise.reject(unread(digest)),
  list: nothing,
  ingests: nothing,
};

/**
 * A place that takes every write and makes none: what follows sees it as made. Nothing of `base` changes; without one
 * the place is empty.
 */
export function rehearsed(url: URL, base?: Backend): Backend {
  const now = base?.now?.bind(base);
  return {
    url,
    docs: rehearsedDocs(base?.docs),
    blobs: rehearsedBlobs(base?.blobs),
    ...(now ? { now } : {}),
    ...EMPTY,
  };
}

function rehearsedDocs(base = NO_DOCS): Docs {
  const written = new Map<string, Doc | undefined>();
  let writes = 0;
  const load: Docs["load"] = (name, options) =>
    written.has(name) ? Promise.resolve(written.get(name)) : base.load(name, options);
  return {
    load,
    async swap(name, text, seen) {
      if ((await load(name))?.version !== seen?.version) {
        throw new OciError("conflict", `Cannot swap "${name}": it has moved on`);
      }
      const version = `rehearsed-${++writes}`;
      written.set(name, text === undefined ? undefined : { text, version });
      return written.get(name);
    },
    async *list(prefix) {
      for (const [name, doc] of written) if (doc && name.startsWith(prefix)) yield name;
      for await (const name of base.list(prefix)) if (!written.has(name)) yield name;
    },
  };
}

interface Written {
  readonly blob: BlobInfo;
  readonly bytes?: Uint8Array;
}

function rehearsedBlobs(base = NO_BLOBS): Blobs {
  const written = new Map<Digest, Written | undefined>();
  const aborted = new Set<string>();
  let copies = 0;
  const publish = (blob: BlobInfo, bytes?: Uint8Array): BlobInfo => {
    const copy = { ...blob, version: `rehearsed-${++copies}` };
    written.set(blob.digest, { blob: copy, ...(bytes ? { bytes } : {}) });
    return copy;
  };
  const stat = async (digest: Digest) =>
    written.has(digest) ? written.get(digest)?.blob : await base.stat(digest);
  const ingests = async function* () {
    for await (const one of base.ingests()) if (!aborted.has(one.ref)) yield one;
  };
  return {
    stat,
    ingests,
    async read(digest, range) {
      const one = written.get(digest);
      if (one?.bytes) return new Blob([one.bytes.slice(range?.start, range?.end)]).stream();
      if (one || !written.has(digest)) return await base.read(digest, range);
      throw unread(digest);
    },
    async *list(options) {
      for (const one of written.values()) {
        if (one && !options?.skip?.(one.blob.digest)) yield one.blob;
      }
      for await (const one of base.list(options)) if (!written.has(one.digest)) yield one;
    },
    ingest: ({ ref = "", expect = {} } = {}) =>
      Promise.resolve(rehearsedIngest(ref, expect, publish)),
    async abort(ref) {
      for await (const one of ingests()) if (one.ref === ref) return void aborted.add(ref);
      throw new OciError("not_found", `Cannot abort "${ref}": there is no such write`, { ref });
    },
    delete: (seen) =>
      Promise.all(seen.map(async ({ digest }) => {
        const there = await stat(digest) !== undefined;
        written.set(digest, undefined);
        return { digest, outcome: there ? "removed" : "absent" } as const;
      })),
    async renew(seen) {
      const { digest } = seen;
      if ((await stat(digest))?.version === seen.version) {
        return publish(seen, written.get(digest)?.bytes);
      }
      throw new OciError("conflict", `Cannot renew ${digest}: it is gone or replaced`, { digest });
    },
    // Whether the place would take it as a whole nobody can tell without trying; its bytes need not be read.
    adopt: (_, blob) => Promise.resolve(publish(blob)).then(() => true),
  };
}

function unread(digest: Digest): OciError {
  return new OciError("not_found", `Cannot read ${digest}: it is not there`, { digest });
}

function rehearsedIngest(
  ref: string,
  { size: total, digest: expected }: Partial<BlobInfo>,
  publish: (blob: BlobInfo, bytes?: Uint8Array) => BlobInfo,
): Ingest {
  const now = new Date(0);
  let kept: Uint8Array<ArrayBuffer>[] | undefined = [];
  let offset = 0;
  return {
    get status() {
      return {
        ref,
        offset,
        startedAt: now,
        updatedAt: now,
        ...(total === undefined ? {} : { total }),
        ...(expected === undefined ? {} : { expected }),
      };
    },
    stored: () => Promise.resolve(new Blob(kept ?? []).stream()),
    writable: new WritableStream({
      write(chunk) {
        offset += chunk.length;
        kept?.push(chunk.slice());
        if (offset > KEPT || kept?.find(({ length }) => length > 0)?.[0] !== BRACE) {
          kept = undefined;
        }
      },
    }),
    async commit(blob) {
      publish(blob, kept && await collect(chunksOf(new Blob(kept)), KEPT, blob.digest));
    },
    ...EMPTY,
  };
}
