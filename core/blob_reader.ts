import type { Digest } from "./digest.ts";
import { OciError } from "./errors.ts";
import { absent, stored } from "./read.ts";
import { collect } from "./source.ts";
import type { Store } from "./store.ts";

/** Bytes of a blob at any offset, not verified. */
export interface BlobReader extends AsyncDisposable {
  /** Length of the blob in bytes. */
  readonly size: number;
  /** At most `length` bytes from `offset`: fewer at the end, none past it; throws `invalid`. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Opens a blob for reading at any offset; throws `not_found`. */
export async function openReader(store: Store, digest: Digest): Promise<BlobReader> {
  const blob = await store.backend.blobs.stat(digest);
  if (!blob) throw absent(store, digest);
  const { size } = blob;
  let open = true;
  return {
    size,
    async read(offset, length) {
      const legal = [offset, length].every((n) => Number.isSafeInteger(n) && n >= 0);
      if (!open || !legal) {
        throw new OciError("invalid", `Cannot read ${length} bytes at ${offset} of "${digest}"`);
      }
      const end = Math.min(size, offset + length);
      if (offset >= end) return new Uint8Array(0);
      return collect(
        await stored(store, digest, { start: offset, end }),
        length,
        `"${digest}"`,
      );
    },
    [Symbol.asyncDispose]: () => {
      open = false;
      return Promise.resolve();
    },
  };
}
