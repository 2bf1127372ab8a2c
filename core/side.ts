import type { Digest } from "./digest.ts";
import { isOciError, OciError } from "./errors.ts";
import type { Chunks } from "./source.ts";
import { placeOf, type Store } from "./store.ts";

/** An error with the place and the blob it is about, unless it names them itself. */
export function located(error: unknown, store: Store, digest?: Digest): unknown {
  if (!isOciError(error)) return error;
  if (error.url !== undefined && (error.digest ?? digest) === error.digest) return error;
  const { code, message, reason, ref } = error;
  return new OciError(code, message, {
    url: error.url ?? placeOf(store),
    digest: error.digest ?? digest,
    reason,
    ref,
    cause: error,
  });
}

/** Acts on one side of a transfer: errors bear its place and the blob. */
export async function at<T>(
  store: Store,
  digest: Digest | undefined,
  act: () => T | Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw located(error, store, digest);
  }
}

/** The same chunks, whose errors bear the place and the blob. */
export async function* chunksAt(
  store: Store,
  digest: Digest,
  chunks: Chunks,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    throw located(error, store, digest);
  } finally {
    await chunks.cancel();
  }
}
