import type { Descriptor } from "./descriptor.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { transact } from "./edit.ts";
import { isOciError, OciError } from "./errors.ts";
import { checkName, splitPinned } from "./names.ts";
import type { Writer } from "./named_writer.ts";
import { type Pushed, put } from "./put.ts";
import type { Source } from "./source.ts";
import { assertWritable, type Store } from "./store.ts";
import { openWriter, type OpenWriterOptions } from "./writer.ts";

/** Pushes what a reference will stand for; the name is set once its node is stored, and complete. */
export interface Pusher {
  /** Stores a blob; the node of the reference's digest is named besides. Throws `not_found` if children are missing. */
  push(descriptor: Descriptor, source: Source): Promise<Pushed>;
  /**
   * Opens a resumable write of a blob, named by its digest; its commit names the node of the reference. So does
   * `already_exists` where that node is stored.
   */
  openWriter(
    descriptor: Descriptor,
    options?: Omit<OpenWriterOptions, "ref" | "expect">,
  ): Promise<Writer>;
}

/** A pusher of `name@digest`; throws `invalid` without a digest. */
export function openPusher(store: Store, reference: string): Pusher {
  const { name, digest } = splitPinned(reference);
  if (digest === undefined || name === "") {
    throw new OciError(
      "invalid",
      `Cannot push to ${JSON.stringify(reference)}: write it as "name@digest"`,
      { ref: reference },
    );
  }
  assertWritable(store, "push");
  checkName(name);
  const root: Digest = parseDigest(digest);
  const publish = async (descriptor: Descriptor) => {
    if (descriptor.digest === root) await transact(store, (tx) => tx.tag(descriptor, name));
  };
  return {
    async push(descriptor, source) {
      const pushed = await put(store, descriptor, source);
      await publish(pushed.descriptor);
      return pushed;
    },
    async openWriter(descriptor, options = {}) {
      const { digest, size } = descriptor;
      try {
        const writer = await openWriter(store, {
          ...options,
          ref: digest,
          expect: { digest, size },
        });
        const commit = writer.commit.bind(writer);
        writer.commit = async (commitOptions) => {
          const committed = await commit(commitOptions);
          await publish(descriptor);
          return committed;
        };
        return writer;
      } catch (error) {
        if (isOciError(error, "already_exists")) await publish(descriptor);
        throw error;
      }
    },
  };
}
