import {
  chunksOf,
  createDigester,
  type Digest,
  type Store,
  writableAlgorithm,
} from "../../../core/mod.ts";

/** Told of the bytes that a read has brought, and may hold it up. */
export type OnRead = (bytes: number) => void | Promise<void>;

/**
 * Reads a stored blob to its end: whether its bytes hash to its name.
 *
 * @throws {OciError} `not_found`; `unsupported` for a digest that cannot be computed; `unavailable`.
 */
export async function isSound(
  store: Store,
  digest: Digest,
  onRead: OnRead = () => {},
): Promise<boolean> {
  const digester = createDigester(writableAlgorithm(digest));
  const how = { signal: store.signal, passing: true };
  for await (const chunk of chunksOf(await store.backend.blobs.read(digest), how)) {
    digester.update(chunk);
    await onRead(chunk.length);
  }
  return digester.digest() === digest;
}
