import { Buffer } from "node:buffer";
import { type Doc, type Docs, OciError } from "../../core/mod.ts";
import { bareEtag, deleteObject, putObject } from "./objects.ts";
import { conditionalPut, getStored, type Stored } from "./conditional.ts";
import { checkDocName, isDocName, ONCE } from "./doc_names.ts";
import { listObjects, listPages } from "./lists.ts";
import type { Place } from "./place.ts";
import { connectionFailure, isFatal } from "./lost.ts";
import { failureOf } from "./trouble.ts";
import { TAIL, withoutTail, withTail } from "./tail.ts";

const INDEX = "index.json";
/** Created once and the same everywhere, so it is stored as it is. */
const MARKER = "oci-layout";
const MARKER_TEXT = JSON.stringify({ imageLayoutVersion: "1.0.0" });
/** Between swaps of the index where the store asked for less: some take one write a second of a key. */
const SLOW_SWAP = 1_100;

/** Documents as objects, changed by compare-and-swap. */
export function createDocs(place: Place): Docs {
  const { client, ability } = place;
  const { clock } = client;
  const keyOf = (name: string) => client.address.prefix + name;
  const stampPlace = () => `${client.where.endpoint}\n${client.where.bucket}`;
  /** What the index said last, so that it is read again only if it has changed. */
  let last: { readonly doc: Doc; readonly bytes: number } | undefined;
  /** ETags of what is left of removed documents. */
  const graves = new Map<string, string>();
  let marked = false;
  let swapped = -Infinity;

  function docOf(name: string, { bytes, etag }: Stored): Doc | undefined {
    const { text, stamp } = withoutTail(bytes, stampPlace(), clock.now());
    if (name === INDEX && stamp) {
      ability.learn(stamp.ability);
      marked ||= stamp.marked;
    }
    if (text === undefined) {
      graves.set(name, etag);
      return undefined;
    }
    graves.delete(name);
    return { text, version: etag };
  }

  async function fetched(name: string, limit: number): Promise<Doc | undefined> {
    const known = name === INDEX ? last : undefined;
    const action = `read "${name}"`;
    const { status, headers, bytes } = await client.send({
      operation: "GetObject",
      action,
      method: "GET",
      key: keyOf(name),
      accept: [304, 404],
      limit: limit + TAIL + 1,
      patience: 10_000,
      ...(known ? { headers: { "if-none-match": `"${known.doc.version}"` } } : {}),
    });
    if (status === 404) graves.delete(name);
    if (status === 404) return undefined;
    if (status === 304 && known) return within(name, known.doc, known.bytes, limit);
    const doc = docOf(name, { bytes, etag: bareEtag(headers["etag"]) });
    if (!doc) return undefined;
    const length = Buffer.byteLength(doc.text);
    if (name === INDEX) last = { doc, bytes: length };
    return within(name, doc, length, limit);
  }

  function within(name: string, doc: Doc, length: number, limit: number): Doc {
    if (length <= limit) return doc;
    throw new OciError("size_exceeded", `Cannot read "${name}": it has more than ${limit} bytes`);
  }

  function bytesOf(name: string, text: string | undefined): Uint8Array {
    if (name === MARKER && text !== undefined) return Buffer.from(text);
    const known = name === INDEX ? ability.known : undefined;
    const stamp = known ? { ability: known, marked } : undefined;
    return withTail({ text, stamp }, stampPlace(), clock);
  }

  async function write(name: string, body: Uint8Array, seen: string | undefined): Promise<string> {
    const action = `write "${name}"`;
    const swap = { key: keyOf(name), action, body };
    const form = await ability.forSwap();
    if (form === "alone") {
      return await place.inTurn(swap.key, () => writeAlone(name, body, seen));
    }
    for (let from = seen ?? graves.get(name);;) {
      const result = await conditionalPut(client, { ...swap, seen: from }, form);
      if (result.etag !== undefined) return result.etag;
      const { moved } = result;
      const now = moved && docOf(name, moved);
      // What was removed is absent, and written over as what it is.
      if (seen !== undefined || now) throw movedOn(name);
      from = moved?.etag;
    }
  }

  /** Where nobody else writes, by the user's promise: looked at, then written. */
  async function writeAlone(name: string, body: Uint8Array, seen: string | undefined) {
    const action = `write "${name}"`;
    const now = await getStored(client, keyOf(name), action);
    if ((now && docOf(name, now) ? now.etag : undefined) !== seen) throw movedOn(name);
    const { headers } = await putObject(client, keyOf(name), body, action);
    return bareEtag(headers["etag"]) || (await getStored(client, keyOf(name), action))?.etag || "";
  }

  async function remove(name: string, seen: Doc | undefined): Promise<void> {
    const action = `remove "${name}"`;
    const now = await fetched(name, Infinity);
    if (now?.version !== seen?.version) throw movedOn(name);
    if (!seen) return;
    if (ONCE.test(name)) return await deleteObject(client, keyOf(name), action);
    if (!ability.known?.exactDelete) {
      graves.set(name, await write(name, bytesOf(name, undefined), seen.version));
      return;
    }
    while (true) {
      try {
        const { reply, trouble } = await client.attempt({
          operation: "DeleteObject",
          action,
          method: "DELETE",
          key: keyOf(name),
          headers: { "if-match": `"${seen.version}"` },
          fresh: true,
        });
        if (reply) return;
        if (trouble.status === 403) throw failureOf(trouble, action, client.where);
      } catch (error) {
        if (isFatal(error)) throw connectionFailure(error, action, client.where);
      }
      const left = await getStored(client, keyOf(name), action);
      if (!left) return;
      if (left.etag !== seen.version) throw movedOn(name);
      await clock.sleep(clock.random() * 200);
    }
  }

  return {
    async load(name, { limit = Infinity } = {}) {
      checkDocName(name);
      // The index was written by a writer that had seen this one, which is never changed.
      if (name === MARKER && marked) return { text: MARKER_TEXT, version: "" };
      const doc = await fetched(name, limit);
      if (name === MARKER) marked = doc?.text === MARKER_TEXT;
      if (name === INDEX) await ability.opened(doc !== undefined);
      return doc;
    },

    async swap(name, text, seen) {
      checkDocName(name);
      place.assertWritable(`write "${name}"`);
      if (text === undefined) return void await remove(name, seen);
      if (name === INDEX && client.time.slow) {
        await clock.sleep(Math.max(0, swapped + SLOW_SWAP - clock.elapsed()));
      }
      const version = await write(name, bytesOf(name, text), seen?.version);
      graves.delete(name);
      const doc = { text, version };
      if (name === MARKER) marked = text === MARKER_TEXT;
      if (name === INDEX) {
        last = { doc, bytes: Buffer.byteLength(text) };
        swapped = clock.elapsed();
      }
      return doc;
    },

    async *list(prefix) {
      if (!prefix.includes("/")) {
        for await (const { objects } of listPages(client, { prefix, delimiter: "/" })) {
          for (const { name, size } of objects) if (size !== TAIL && isDocName(name)) yield name;
        }
      }
      const below = prefix.startsWith(".stowage/") ? prefix : ".stowage/";
      if (!below.startsWith(prefix)) return;
      for await (const { name, size } of listObjects(client, { prefix: below })) {
        if (size !== TAIL && isDocName(name)) yield name;
      }
    },
  };
}

function movedOn(name: string): OciError {
  return new OciError("conflict", `Cannot swap "${name}": it has moved on`);
}
