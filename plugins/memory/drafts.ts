import {
  type BlobInfo,
  type Blobs,
  type Clock,
  type Ingest,
  type IngestStatus,
  OciError,
} from "../../core/mod.ts";

interface Draft {
  status: IngestStatus;
  readonly chunks: Uint8Array<ArrayBuffer>[];
}

/** Writes that are not yet committed; `publish` takes one that is. */
export function createDrafts(
  clock: Clock,
  publish: (blob: BlobInfo, bytes: Blob) => void,
): Pick<Blobs, "ingest" | "ingests" | "abort"> {
  const drafts = new Set<Draft>();
  const named = () => [...drafts].filter(({ status }) => status.ref !== "");
  const find = (ref: string) => named().find(({ status }) => status.ref === ref);

  const open = (ref: string, { size, digest }: Partial<BlobInfo>): Draft => {
    const known = find(ref);
    const { total = size, expected = digest } = known?.status ?? {};
    if (known && (size ?? total) === total && (digest ?? expected) === expected) {
      known.status = { ...known.status, ...expectation(total, expected) };
      return known;
    }
    if (known) drafts.delete(known);
    const now = new Date(clock.now());
    const status = { ref, offset: 0, startedAt: now, updatedAt: now, ...expectation(size, digest) };
    const draft = { status, chunks: [] };
    drafts.add(draft);
    return draft;
  };

  return {
    ingest: ({ ref = "", expect = {} } = {}) => Promise.resolve(ingestOf(open(ref, expect))),
    async *ingests() {
      for (const { status } of named()) yield status;
    },
    abort: (ref) =>
      Promise.try(() => {
        const draft = find(ref);
        if (draft) return void drafts.delete(draft);
        throw new OciError("not_found", `Cannot abort "${ref}": there is no such write`, { ref });
      }),
  };

  function ingestOf(draft: Draft): Ingest {
    const { ref } = draft.status;
    const assertOpen = () => {
      if (drafts.has(draft)) return;
      throw new OciError("aborted", `Cannot go on with "${ref}": the write was ended`, { ref });
    };
    return {
      get status() {
        return draft.status;
      },
      stored: () => Promise.resolve(new Blob(draft.chunks).stream()),
      writable: new WritableStream({
        write(chunk) {
          assertOpen();
          draft.chunks.push(chunk.slice());
          const offset = draft.status.offset + chunk.length;
          draft.status = { ...draft.status, offset, updatedAt: new Date(clock.now()) };
        },
      }),
      commit: (blob) =>
        Promise.try(() => {
          assertOpen();
          const { digest, size } = blob;
          const { offset } = draft.status;
          if (offset !== size) {
            const why = `${offset} bytes were written, not ${size}`;
            throw new OciError("corrupt", `Cannot commit ${digest}: ${why}`, { digest });
          }
          publish(blob, new Blob(draft.chunks));
          drafts.delete(draft);
        }),
      [Symbol.asyncDispose]: () =>
        Promise.resolve(ref === "" ? void drafts.delete(draft) : undefined),
    };
  }
}

function expectation(total: number | undefined, expected: IngestStatus["expected"]) {
  return {
    ...(total === undefined ? {} : { total }),
    ...(expected === undefined ? {} : { expected }),
  };
}
