import { asOciError, type Backend, type Clock } from "../../core/mod.ts";

/** Waits until so many bytes more may pass. */
export type Pace = (bytes: number) => Promise<void>;

const unhurried: Pace = () => Promise.resolve();

/** At most `rate` bytes a second, whoever moves them; undefined: as fast as they come. */
export function createPace(rate: number | undefined, clock: Clock, signal: AbortSignal): Pace {
  if (rate === undefined) return unhurried;
  let free = clock.elapsed();
  return async (bytes) => {
    const now = clock.elapsed();
    free = Math.max(free, now) + bytes / rate * 1000;
    try {
      await clock.sleep(free - now, signal);
    } catch (error) {
      throw asOciError(error, "aborted", "Cannot go on");
    }
  };
}

/** The stream at that pace. */
export function paced(
  stream: ReadableStream<Uint8Array>,
  pace: Pace,
): ReadableStream<Uint8Array> {
  if (pace === unhurried) return stream;
  return stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      async transform(chunk, controller) {
        await pace(chunk.length);
        controller.enqueue(chunk);
      },
    }),
  );
}

/** The place, its blobs read at that pace. */
export function pacedBackend(backend: Backend, pace: Pace): Backend {
  const { blobs } = backend;
  return {
    ...backend,
    blobs: {
      ...blobs,
      read: async (digest, range) => paced(await blobs.read(digest, range), pace),
    },
  };
}
