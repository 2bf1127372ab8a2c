import process from "node:process";
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
  type Removal,
} from "../../core/mod.ts";
import type { Sink } from "./append.ts";
import { type Body, verified } from "./body.ts";
import { sealedIndex } from "./fold.ts";
import { listedIn } from "./order.ts";
import { writeSealed } from "./seal.ts";

/** What is not read from elsewhere is kept in memory: manifests, and little else. */
const MOST = 64 << 20;

/** Standard output; throws `aborted` once nobody reads it. */
export function standardOutput(): Sink {
  const { stdout } = process;
  return {
    // Whatever the chunk lies in is used again once this has resolved.
    write: (chunk) =>
      new Promise((resolve, reject) => {
        if (chunk.length === 0) return resolve();
        stdout.write(chunk, (cause) => {
          if (!cause) return resolve();
          const message = "Cannot write the archive: nobody reads it";
          reject(new OciError("aborted", message, { cause }));
        });
      }),
  };
}

/**
 * A layout that is written as a stream, in one pass, as soon as its index lists something; nothing can be changed then.
 * What is adopted is read only while it is written.
 */
export function openStreamOut(url: URL, sink: Sink): Backend {
  const docs = new Map<string, Doc>();
  const bodies = new Map<Digest, Body>();
  let [kept, writes] = [0, 0];
  let over = false;

  const assertOpen = (action: string) => {
    if (!over) return;
    throw new OciError("unsupported", `${action}: the stream has been written, and only once`);
  };
  const infoOf = ({ digest, size }: Body): BlobInfo => ({ digest, size, version: "1" });

  async function swap(name: string, text: string | undefined, seen: Doc | undefined) {
    const action = `Cannot swap "${name}"`;
    assertOpen(action);
    if (docs.get(name)?.version !== seen?.version) {
      throw new OciError("conflict", `${action}: it has moved on`);
    }
    docs.delete(name);
    if (text === undefined) return undefined;
    const doc = { text, version: `${++writes}` };
    docs.set(name, doc);
    if (name === "index.json" && listedIn(text).length > 0) {
      over = true;
      const texts = new Map([...docs].map(([name, { text }]) => [name, text]));
      texts.set(name, sealedIndex(text));
      await writeSealed(sink, { docs: texts, bodies });
    }
    return doc;
  }

  return {
    url,
    docs: {
      load: (name) => Promise.resolve(docs.get(name)),
      swap,
      async *list(prefix) {
        for (const name of docs.keys()) if (name.startsWith(prefix)) yield name;
      },
    } satisfies Docs,
    blobs: {
      stat: (digest) => Promise.resolve(bodies.get(digest)).then((body) => body && infoOf(body)),
      async read(digest, { start, end } = {}) {
        const body = bodies.get(digest);
        if (!body) throw new OciError("not_found", `Cannot read ${digest}: it is not there`);
        const bytes = await collect(chunksOf(body.bytes()), MOST, `"${digest}"`);
        return new Blob([bytes.slice(start, end)]).stream();
      },
      async *list() {
        for (const body of bodies.values()) yield infoOf(body);
      },
      ingest: () => Promise.resolve(ingest()),
      async *ingests() {},
      abort: (ref) => Promise.reject(new OciError("not_found", `Cannot abort "${ref}": none`)),
      delete: (seen) =>
        Promise.resolve(seen.map(({ digest }): Removal => {
          return { digest, outcome: bodies.delete(digest) ? "removed" : "absent" };
        })),
      async adopt(_source, { digest, size }, bytes) {
        assertOpen(`Cannot adopt ${digest}`);
        if (!bytes) return false;
        bodies.set(digest, { digest, size, bytes: () => verified({ digest, size }, bytes()) });
        return await Promise.resolve(true);
      },
    } satisfies Blobs,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };

  function ingest(): Ingest {
    const chunks: Uint8Array[] = [];
    const now = new Date(0);
    let offset = 0;
    return {
      get status() {
        return { ref: "", offset, startedAt: now, updatedAt: now };
      },
      stored: () => Promise.resolve(new Blob(chunks as BlobPart[]).stream()),
      writable: new WritableStream({
        write(chunk) {
          assertOpen("Cannot write a blob");
          kept += chunk.length;
          if (kept > MOST) {
            const why = `a stream keeps no more than ${MOST} bytes; write to a file`;
            throw new OciError("unsupported", `Cannot write a blob: ${why}`);
          }
          offset += chunk.length;
          chunks.push(chunk.slice());
        },
      }),
      commit: ({ digest, size }) => {
        async function* bytes() {
          yield* chunks;
        }
        bodies.set(digest, { digest, size, bytes });
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}
