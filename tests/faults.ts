// Stores that go wrong on purpose, and what is left in them.
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Backend, type Blobs, type Digest, type Ingest, OciError } from "../core/mod.ts";

/** A backend some of whose blob methods are others. */
export function withBlobs(backend: Backend, change: (blobs: Blobs) => Partial<Blobs>): Backend {
  return { ...backend, blobs: { ...backend.blobs, ...change(backend.blobs) } };
}

/** A backend whose ingests are changed as they are opened. */
export function withIngests(
  backend: Backend,
  change: (ingest: Ingest) => Partial<Ingest>,
): Backend {
  return withBlobs(backend, (blobs) => ({
    async ingest(options) {
      const ingest = await blobs.ingest(options);
      const proxy: Ingest = {
        get status() {
          return ingest.status;
        },
        stored: () => ingest.stored(),
        writable: ingest.writable,
        commit: (blob) => ingest.commit(blob),
        [Symbol.asyncDispose]: () => ingest[Symbol.asyncDispose](),
      };
      return Object.defineProperties(proxy, Object.getOwnPropertyDescriptors(change(ingest)));
    },
  }));
}

/** The error of a store that cannot be had just now. */
export const broken = (what = "the store is gone") =>
  new OciError("unavailable", `Cannot go on: ${what}`);

/** A sink that takes `most` bytes and fails then. */
export function failingAfter(
  ingest: Ingest,
  most: number,
  error: unknown,
): WritableStream<Uint8Array> {
  const writer = ingest.writable.getWriter();
  let written = 0;
  return new WritableStream({
    async write(chunk) {
      if ((written += chunk.length) > most) throw error;
      await writer.write(chunk);
    },
  });
}

/** What is in a store: its blobs, its unfinished writes, and for a directory the files of these. */
export async function contentsOf(
  { url, blobs }: Backend,
): Promise<{ blobs: Digest[]; drafts: string[] }> {
  const drafts = (await Array.fromAsync(blobs.ingests())).map(({ ref }) => ref);
  if (url.protocol === "dir:") drafts.push(...filesIn(url, "tmp"), ...filesIn(url, "limbo"));
  const found = (await Array.fromAsync(blobs.list())).map(({ digest }) => digest);
  return { blobs: found.sort(), drafts };
}

function filesIn(url: URL, folder: string): string[] {
  try {
    const path = fileURLToPath(`file://${url.pathname}/.stowage/${folder}`);
    return readdirSync(path).map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
}

/** A stream of `total` bytes made as they are asked for, in chunks of `step`; tells how many and whether cancelled. */
export function madeUp(total: number, step = 1 << 16) {
  const seen = { made: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const length = Math.min(step, total - seen.made);
      if (length === 0) return controller.close();
      controller.enqueue(madeUpChunk(seen.made, length));
      seen.made += length;
    },
    cancel: () => void (seen.cancelled = true),
  }, { highWaterMark: 0 });
  return { stream, seen };
}

function madeUpChunk(at: number, length: number): Uint8Array {
  return new Uint8Array(length).fill((at >> 16) % 251);
}
