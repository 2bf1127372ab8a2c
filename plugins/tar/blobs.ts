import {
  type BlobInfo,
  type Blobs,
  chunksOf,
  clampRange,
  type Digest,
  fileStream,
  OciError,
  parseDigest,
} from "../../core/mod.ts";
import type { View } from "./archive.ts";
import { unlessAbsent } from "./body.ts";
import { noFile } from "./oddities.ts";
import type { TarStore } from "./store.ts";

/** How often an archive may be replaced under a reader. */
const TRIES = 10;

/** Blobs as they are seen: staged, in the archive, or to be read when it is written. */
export function readBlobs(
  { archive, copies, staged, pending }: TarStore,
): Pick<Blobs, "stat" | "read" | "list"> {
  const inArchive = ({ contents, inode }: View, digest: Digest): BlobInfo | undefined => {
    const entry = contents.blobs.get(digest);
    if (entry) return copies.infoOf(inode, entry);
    if (contents.strange.has(digest)) throw noFile(`Cannot read ${digest}`, { digest });
    return undefined;
  };

  /** The bytes out of the archive; undefined if they are not there. */
  async function readArchived(digest: Digest, range: { start?: number; end?: number }) {
    const action = `Cannot read ${digest}`;
    for (let tries = 0; tries < TRIES; tries++) {
      const view = await archive.look();
      if (!inArchive(view, digest)) return undefined;
      const entry = view.contents.blobs.get(digest);
      const file = entry && await archive.open(view);
      if (!file) continue;
      try {
        const { start, end } = clampRange(range, entry.size, action);
        const part = { start: entry.data + start, end: entry.data + end };
        return fileStream(file.fd, { ...part, close: () => file.close() }, action);
      } catch (error) {
        await file.close();
        throw error;
      }
    }
    throw new OciError("unavailable", `${action}: the archive is replaced over and over`);
  }

  return {
    async stat(digest) {
      parseDigest(digest);
      return await staged.stat(digest) ?? inArchive(await archive.look(), digest) ??
        pending.get(digest)?.info;
    },

    async read(digest, range = {}) {
      if (await staged.stat(digest)) {
        const stream = await unlessAbsent(staged.read(digest, range));
        if (stream) return stream;
      }
      const stream = await readArchived(digest, range);
      if (stream) return stream;
      const body = pending.get(digest)?.body;
      if (body) return slice(body.bytes(), range);
      throw new OciError("not_found", `Cannot read ${digest}: it is not stored`, { digest });
    },

    async *list({ skip } = {}) {
      const told = new Set<Digest>();
      for await (const blob of staged.list(skip ? { skip } : {})) {
        told.add(blob.digest);
        yield blob;
      }
      // What was staged before this look and is so no more is in the archive now.
      const { contents, inode } = await archive.look();
      for (const entry of [...contents.blobs.values()]) {
        if (told.has(entry.digest) || skip?.(entry.digest)) continue;
        told.add(entry.digest);
        yield copies.infoOf(inode, entry);
      }
      for (const { info } of [...pending.values()]) {
        if (!told.has(info.digest) && !skip?.(info.digest)) yield info;
      }
    },
  };
}

/** A part of a stream. */
function slice(
  chunks: AsyncIterable<Uint8Array>,
  { start = 0, end = Infinity }: { start?: number; end?: number },
): ReadableStream<Uint8Array> {
  async function* part() {
    let at = start;
    for await (const chunk of chunksOf(chunks, { offset: start })) {
      if (at >= end) return;
      yield chunk.slice(0, end - at); // What it lies in may be used again.
      at += chunk.length;
    }
  }
  return ReadableStream.from(part());
}
