import { type BlobInfo, type Digest, type Ingest, randomHex } from "../../core/mod.ts";
import { blobKey, hashOfDigest } from "./blob_key.ts";
import { STAGING } from "./doc_names.ts";
import { deleteObject, putObject } from "./objects.ts";
import { copyObject, partSize } from "./multipart.ts";
import type { Place } from "./place.ts";
import { type Buffers, Gatherer } from "./buffers.ts";
import { createPartSender, type PartSender } from "./part_sender.ts";
import { assertOpen, checkCommit, notKept } from "./write_checks.ts";

/**
 * A write that leaves nothing behind if it is dropped: gathered in memory, and sent in parts once that is too much. Parts
 * go straight to the blob's key if its digest is known, where nothing shows before all is complete; else they wait
 * under a name of chance, and are copied within the store.
 */
export function unnamedIngest(place: Place, buffers: Buffers, expect: Partial<BlobInfo>): Ingest {
  const { client } = place;
  const { clock } = client;
  const startedAt = new Date(clock.now());
  const gathered = new Gatherer(partSize(expect.size), buffers);
  let updatedAt = startedAt;
  let sender: PartSender | undefined;
  let offset = 0;
  let open = true;

  const target = expect.digest === undefined
    ? `${client.address.prefix}${STAGING}${randomHex(clock, 24)}`
    : blobKey(place, expect.digest);
  const sending = () => sender ??= createPartSender(client, buffers, target, "store a blob");

  async function write(chunk: Uint8Array): Promise<void> {
    assertOpen(open, "write a blob");
    for (let at = 0; at < chunk.length;) {
      if (gathered.length === gathered.most) await sending().send(gathered.take());
      at += gathered.add(chunk.subarray(at));
    }
    offset += chunk.length;
    updatedAt = new Date(clock.now());
  }

  /** Completes the parts, and copies them to their name if they waited elsewhere. */
  async function finishParts(parts: PartSender, { digest, size }: BlobInfo): Promise<void> {
    const key = blobKey(place, digest);
    if (gathered.length > 0) await parts.send(gathered.take());
    await parts.complete(size);
    if (key === target) return;
    const { bucket } = client.where;
    await copyObject(client, { bucket, key: target }, key, size, `store ${digest}`);
    await deleteObject(client, target, `store ${digest}`);
  }

  /** Sends it as one object; its memory serves the next one, sent or not. */
  async function putWhole(digest: Digest): Promise<void> {
    const bytes = gathered.take();
    await buffers.take(bytes.length);
    try {
      const key = blobKey(place, digest);
      await putObject(client, key, bytes, `store ${digest}`, hashOfDigest(digest));
    } finally {
      buffers.give(bytes);
    }
  }

  return {
    get status() {
      const { size, digest } = expect;
      return {
        ref: "",
        offset,
        startedAt,
        updatedAt,
        ...(size === undefined ? {} : { total: size }),
        ...(digest === undefined ? {} : { expected: digest }),
      };
    },
    stored() {
      return sender ? notKept() : Promise.resolve(new Blob([gathered.peek()]).stream());
    },
    writable: new WritableStream<Uint8Array>({ write }),
    async commit(blob) {
      const { digest } = blob;
      assertOpen(open, `store ${digest}`);
      checkCommit(blob, { offset, expected: expect.digest });
      open = false;
      if (sender) await finishParts(sender, blob);
      else await putWhole(digest);
      sender = undefined;
    },
    async [Symbol.asyncDispose]() {
      open = false;
      gathered.take();
      const dropped = sender;
      sender = undefined;
      await dropped?.abort();
    },
  };
}
