import { asOciError, type Backend, type Clock } from "../../core/mod.ts";

/** Waits until so many bytes more may pass. */
export interface Pace {
  (bytes: number): Promise<void>;
  /** Bytes that may pass in an eighth of a second: a server takes a stream that stands still for a dead one. */
  readonly step: number;
}

/** As fast as they come. */
export const unhurried: Pace = Object.assign(() => Promise.resolve(), { step: Infinity });

/** At most `rate` bytes a second, whoever moves them; undefined: as fast as they come. */
export function createPace(rate: number | undefined, clock: Clock, signal: AbortSignal): Pace {
  if (rate === undefined) return unhurried;
  let free = clock.elapsed();
  const pass = async (bytes: number) => {
    const now = clock.elapsed();
    free = Math.max(free, now) + bytes / rate * 1000;
    try {
      await clock.sleep(free - now, signal);
    } catch (error) {
      throw asOciError(error, "aborted", "Cannot go on");
    }
  };
  return Object.assign(pass, { step: Math.max(1, Math.floor(rate / 8)) });
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
        for (let at = 0; at < chunk.length; at += pace.step) {
          const piece = chunk.subarray(at, at + pace.step);
          await pace(piece.length);
          controller.enqueue(piece);
        }
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
