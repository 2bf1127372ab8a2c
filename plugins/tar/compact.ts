import type { Digest } from "../../core/mod.ts";
import type { Change } from "./archive.ts";
import { BLOCK, padded } from "./block.ts";
import { type Body, bodyOf } from "./body.ts";
import type { Contents } from "./contents.ts";
import { whatWaits } from "./fold.ts";
import { FACTS } from "./names.ts";
import { foreignOf, ownDocs } from "./foreign.ts";
import { noFile, unreadable } from "./oddities.ts";
import { headersOf } from "./pax.ts";
import { type Known, rewrite } from "./rewrite.ts";
import type { TarStore } from "./store.ts";

/** What a compaction has brought. */
export interface Compacted {
  /** Bytes before. */
  readonly before: number;
  /** Bytes now. */
  readonly after: number;
}

/** For so long it matters when a blob was stored: a collector leaves young ones alone. */
const YOUNG = 2 * 24 * 3_600_000;

/**
 * Writes the archive anew, in its one order, without what was deleted or replaced: equal contents make equal bytes.
 * What was deleted cannot come back then.
 */
export async function compact(store: TarStore): Promise<Compacted> {
  const { archive } = store;
  const before = (await archive.look()).length;
  await archive.change("Cannot compact the archive", async (change) => {
    const { contents } = change.view;
    const lost = unreadable(contents);
    if (lost !== undefined) throw noFile(`Cannot take ${JSON.stringify(lost)} along`);
    const waiting = await whatWaits(store);
    const bodies = new Map<Digest, Body>();
    for (const entry of contents.blobs.values()) {
      bodies.set(entry.digest, bodyOf(change.file, entry));
    }
    for (const { body } of waiting) bodies.set(body.digest, body);
    const docs = await textsOf(store, change);
    const others = foreignOf(change);
    await rewrite(store, change, { docs, bodies, others }, youngOf(store, change));
    for (const { info } of waiting) {
      if (!store.pending.delete(info.digest)) await store.unstage(info);
    }
  });
  return { before, after: (await archive.look()).length };
}

async function textsOf({ facts }: TarStore, change: Change): Promise<Map<string, string>> {
  const texts = ownDocs(change);
  const noted = await facts();
  if (noted !== undefined) texts.set(FACTS, noted);
  return texts;
}

/** The copies whose age still matters. */
function youngOf(
  { copies, place }: TarStore,
  { view: { contents, inode } }: Change,
): Map<Digest, Known> {
  const known = new Map<Digest, Known>();
  for (const entry of contents.blobs.values()) {
    const { version, modified } = copies.infoOf(inode, entry);
    const time = modified?.getTime() ?? 0;
    if (time > place.clock.now() - YOUNG) known.set(entry.digest, { version, modified: time });
  }
  return known;
}

/** About how many bytes an archive would have after a compaction. */
export function compactedSize({ blobs, docs, others }: Contents): number {
  const sizeOf = (name: string, size: number) => headersOf({ name, size }).length + padded(size);
  let sum = 5 * BLOCK;
  for (const { digest, size } of blobs.values()) sum += sizeOf(`blobs/${digest}`, size);
  for (const [name, members] of docs) sum += sizeOf(name, members.at(-1)?.size ?? 0);
  for (const { name, size } of others.values()) sum += sizeOf(name, size);
  return sum;
}
