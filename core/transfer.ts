import type { BlobInfo } from "./backend.ts";
import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { isOciError } from "./errors.ts";
import type { Meter } from "./events.ts";
import { UNKNOWN_SIZE } from "./manifest.ts";
import { adoptPresent, put, verify } from "./put.ts";
import { absent, embeddedData, readChunks } from "./read.ts";
import { at, chunksAt, located } from "./side.ts";
import type { Source } from "./source.ts";
import { placeOf, type Store } from "./store.ts";
import { writeBlob } from "./write_blob.ts";

/** From this size on a blob is written under a name, so that another try goes on where this one stopped. */
const NAMED_FROM = { near: 16 << 20, far: 256 << 20 };

/** Moves single blobs from one layout to another. */
export interface Transfer {
  /** Whether the target has it, as far as is looked; counted as skipped then. */
  skips(target: Descriptor): Promise<boolean>;
  /** Counts what needs no move. */
  skip(target: Descriptor): void;
  /** Brings a leaf; throws `not_found` of the source. */
  bring(target: Descriptor): Promise<void>;
  /** Stores bytes that are at hand. */
  store(target: Descriptor, bytes: Source): Promise<void>;
}

/** How blobs are moved. */
export interface TransferOptions {
  /** What the target has is hashed before it is skipped. */
  readonly hash: boolean;
  /**
   * The source, as it can be read after all was brought: a target that writes all at once may wait for the swap of the
   * index. Left out where none follows.
   */
  readonly later?: Store | undefined;
}

/** Moves blobs between two layouts. */
export function createTransfer(
  from: Store,
  to: Store,
  meter: Meter,
  { hash, later }: TransferOptions,
): Transfer {
  const damaged = new Map<Digest, BlobInfo>();
  const namedFrom = NAMED_FROM[to.backend.far ? "far" : "near"];

  function settle(
    digest: Digest,
    size: number,
    state: "done" | "skipped" | "adopted",
    resumed = 0,
  ) {
    meter.meet(size);
    meter.settle(digest, size, state, resumed);
  }

  async function isRight(blob: BlobInfo): Promise<boolean> {
    const { digest, size } = blob;
    const chunks = await readChunks(to, { digest, size }, { passing: true });
    try {
      for await (const _ of chunks);
      return true;
    } catch (error) {
      if (!isOciError(error, "corrupt")) throw error;
      damaged.set(digest, blob);
      return false;
    } finally {
      await chunks.cancel();
    }
  }

  /** Takes a blob without its bytes passing through here. */
  async function adopts(blob: BlobInfo): Promise<boolean> {
    const { digest, size } = blob;
    if (damaged.has(digest)) return false;
    const { era } = to.root;
    await to.stamps.consult(digest);
    const bytes = later && (() => bytesOf(later, blob));
    const taken = await at(
      to,
      digest,
      () => to.backend.blobs.adopt?.(from.backend.url, blob, bytes) ?? false,
    );
    if (taken) to.stamps.set({ digest, size }, era);
    return taken;
  }

  async function store({ digest, size }: Descriptor, source: Source): Promise<void> {
    const onBytes = (done: number) => meter.moving(digest, done, size);
    const copy = damaged.get(digest);
    try {
      if (size >= namedFrom && !copy) {
        const expect = { digest, size };
        const options = { ref: `copy/${digest}`, expect, wait: to.wait, onBytes };
        const { existed, resumed } = await writeBlob(to, source, options);
        settle(digest, size, existed ? "skipped" : "done", resumed);
      } else {
        const options = { onBytes, damaged: copy };
        const { existed } = await put(to, { digest, size }, source, options);
        settle(digest, size, existed ? "skipped" : "done");
      }
    } catch (error) {
      meter.fail(digest, size);
      // Bytes that are not right are the source's.
      throw located(error, isOciError(error, "corrupt", "size_exceeded") ? from : to, digest);
    }
  }

  return {
    store,
    skip: ({ digest, size }) => settle(digest, Math.max(0, size), "skipped"),

    async skips({ digest, size }) {
      const wanted = size === UNKNOWN_SIZE ? { digest } : { digest, size };
      const there = await at(to, digest, async () => {
        const blob = await adoptPresent(to, wanted);
        return blob && (!hash || await isRight(blob)) ? blob : undefined;
      });
      if (there) settle(digest, there.size, "skipped");
      return there !== undefined;
    },

    async bring(target) {
      const { digest } = target;
      const blob = await at(from, digest, () => from.backend.blobs.stat(digest));
      if (!blob) {
        const data = embeddedData(target);
        if (!data) throw absent(from, digest);
        return store({ ...target, size: data.length }, data);
      }
      const { size } = blob;
      if (target.size !== UNKNOWN_SIZE) verify({ digest, size }, target, placeOf(from));
      if (await adopts(blob)) return settle(digest, size, "adopted");
      await store({ ...target, size }, { open: (offset) => open(from, blob, offset) });
    },
  };
}

/** The bytes of the source from an offset on; whoever takes them verifies them. */
async function open(from: Store, { digest }: BlobInfo, offset: number) {
  const part = offset === 0 ? { verify: false } : { range: { start: offset } };
  const chunks = await at(
    from,
    digest,
    () => readChunks(from, { digest }, { ...part, passing: true }),
  );
  return chunksAt(from, digest, chunks);
}

async function* bytesOf(from: Store, blob: BlobInfo) {
  yield* await open(from, blob, 0);
}
