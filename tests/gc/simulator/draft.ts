import type { BlobInfo, Ingest } from "../../../core/mod.ts";
import { EPOCH } from "./sleepers.ts";

/** A write that nobody sees before its commit, so only that is a request. */
export function draft(
  { size, digest }: Partial<BlobInfo>,
  commit: (blob: BlobInfo, bytes: Uint8Array) => Promise<void>,
): Ingest {
  const chunks: Uint8Array[] = [];
  const time = new Date(EPOCH);
  return {
    status: {
      ref: "",
      offset: 0,
      startedAt: time,
      updatedAt: time,
      ...(size === undefined ? {} : { total: size }),
      ...(digest === undefined ? {} : { expected: digest }),
    },
    stored: () => Promise.resolve(streamOf(...chunks)),
    writable: new WritableStream({ write: (chunk) => void chunks.push(chunk.slice()) }),
    commit: (blob) => commit(blob, Uint8Array.from(chunks.flatMap((chunk) => [...chunk]))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** These bytes as a stream. */
export function streamOf(...chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}
