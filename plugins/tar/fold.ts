import { type BlobInfo, type Digest, parseIndex, printIndex, TAGGED } from "../../core/mod.ts";
import { append } from "./append.ts";
import type { Change } from "./archive.ts";
import { BLOCK } from "./block.ts";
import { type Body, bodyOf, documentOf, memberOf, stagedBytes } from "./body.ts";
import { entryOf } from "./contents.ts";
import type { Note } from "./copies.ts";
import { dockerManifest } from "./docker.ts";
import { foreignOf, ownDocs } from "./foreign.ts";
import type { Member } from "./members.ts";
import { FACTS, GONE, meaningOf } from "./names.ts";
import { graphOf, listedIn } from "./order.ts";
import { hideDocument, moveEntry } from "./patch.ts";
import { type Known, rewrite } from "./rewrite.ts";
import type { TarStore } from "./store.ts";
import { documentText } from "./text.ts";

const OURS = /^dev\.stowage\./;

/** A blob that waits for the archive to be written. */
export interface Waiting {
  readonly info: BlobInfo;
  readonly body: Body;
}

/**
 * Writes a document, and with it all blobs that wait: as one, at the end of the archive, or as a whole new
 * archive where there is nothing in it yet.
 */
export async function writeDocument(
  store: TarStore,
  change: Change,
  name: string,
  text: string,
): Promise<void> {
  const { place, copies, pending } = store;
  const { contents, inode } = change.view;
  const waiting = await whatWaits(store);
  const { blobs, dead, others, docs, links, strange } = contents;
  const facts = await newFacts();
  const isBare = blobs.size + dead.length + others.size + links.size + strange.size === 0;
  if (isBare) await writeWhole();
  else await writeMore();
  // Only now: whoever misses a staged blob finds it in the archive.
  for (const { info } of waiting) {
    await place.disk.step("unstage blob");
    if (pending.get(info.digest)?.info === info) pending.delete(info.digest);
    else await store.unstage(info);
  }

  async function writeWhole(): Promise<void> {
    const texts = ownDocs(change);
    if (facts !== undefined) texts.set(FACTS, facts);
    const isFirst = name === "index.json" && listedIn(text).length > 0;
    // What was copied here as a whole, and just now, is written as a stream would be.
    const isCopy = store.fresh && isFirst && pending.size > 0;
    texts.set(name, isCopy ? sealedIndex(text) : text);
    const bodies = new Map(waiting.map(({ body }) => [body.digest, body]));
    const known = new Map(waiting.map(({ info }) => [info.digest, knownOf(info)]));
    await rewrite(store, change, { docs: texts, bodies, others: foreignOf(change, name) }, known);
    store.fresh &&= !isFirst;
  }

  async function writeMore(): Promise<void> {
    const seconds = Math.ceil(place.clock.now() / 1000);
    const isInside = ({ digest, size }: BlobInfo) => blobs.get(digest)?.size === size;
    const added = waiting.filter(({ info }) => !isInside(info));
    const manifest = name === "index.json" && docs.has("manifest.json")
      ? [documentOf("manifest.json", await dockerText(), seconds)]
      : [];
    const additions = [
      ...added.map(({ body }) => memberOf(body, seconds)),
      ...facts === undefined ? [] : [documentOf(FACTS, facts, seconds)],
      documentOf(name, text, seconds),
      ...manifest,
    ];
    await append(place.disk, change, additions, {
      async before(members) {
        await place.disk.step("note copies");
        copies.note(inode, notesOf(members));
      },
      async after(members, assertOurs) {
        for (const member of members) await take(member, assertOurs);
        change.settle(contents.end + 2 * BLOCK);
      },
    });
  }

  /** What is known of each copy that waited, of those that are in the archive already too. */
  function notesOf(members: readonly Member[]): Note[] {
    const entries = new Map(blobs);
    for (const member of members) {
      const meaning = meaningOf(member.name);
      if (meaning.kind === "blob") entries.set(meaning.digest, entryOf(member, meaning.digest));
    }
    return waiting.flatMap(({ info }): Note[] => {
      const entry = entries.get(info.digest);
      return entry ? [{ entry, ...knownOf(info) }] : [];
    });
  }

  /** Takes a new member into account, and hides what bears its name. */
  async function take(member: Member, assertOurs: () => void): Promise<void> {
    const meaning = meaningOf(member.name);
    if (meaning.kind === "blob") {
      const { digest } = meaning;
      const former = blobs.get(digest);
      assertOurs();
      if (former) await moveEntry(change, former, GONE).catch(() => {});
      blobs.set(digest, entryOf(member, digest));
    } else if (meaning.kind === "doc") {
      const former = docs.get(meaning.name) ?? [];
      for (const one of former) {
        await place.disk.step("hide document");
        assertOurs();
        await hideDocument(change, one, meaning.name);
      }
      docs.set(meaning.name, [member]);
    }
  }

  /** What holds for the layout as a whole, if the archive does not say so yet. */
  async function newFacts(): Promise<string | undefined> {
    const text = await store.facts();
    const said = docs.get(FACTS)?.at(-1);
    return said && documentText(change.file, said, FACTS) === text ? undefined : text;
  }

  async function dockerText(): Promise<string> {
    const bodies = new Map<Digest, Body>();
    for (const entry of blobs.values()) bodies.set(entry.digest, bodyOf(change.file, entry));
    for (const { body } of waiting) bodies.set(body.digest, body);
    return dockerManifest(text, await graphOf(text, bodies), (digest) => bodies.has(digest));
  }
}

/** The blobs that were stored since the archive was last written. */
export async function whatWaits({ staged, pending }: TarStore): Promise<Waiting[]> {
  const list: Waiting[] = [];
  const known = new Set<Digest>();
  for await (const info of staged.list()) {
    const { digest, size } = info;
    known.add(digest);
    list.push({ info, body: { digest, size, bytes: () => stagedBytes(staged, digest) } });
  }
  for (const one of pending.values()) if (!known.has(one.info.digest)) list.push(one);
  return list;
}

function knownOf({ version = "", modified }: BlobInfo): Known {
  return { version, modified: modified?.getTime() ?? 0 };
}

/** The index without what Stowage notes for itself, so that equal contents make equal bytes. */
export function sealedIndex(text: string): string {
  if (!text.includes('"dev.stowage.')) return text;
  const { annotations, ...index } = parseIndex(text);
  const kept = Object.entries(annotations ?? {}).filter(([name]) => !OURS.test(name));
  const manifests = index.manifests.map((entry) => {
    if (entry?.annotations?.[TAGGED] === undefined) return entry;
    const { [TAGGED]: _, ...rest } = entry.annotations;
    return { ...entry, annotations: rest };
  });
  return printIndex(
    {
      ...index,
      manifests,
      ...(kept.length > 0 ? { annotations: Object.fromEntries(kept) } : {}),
    } as Parameters<typeof printIndex>[0],
  );
}
