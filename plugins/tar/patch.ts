import { Buffer } from "node:buffer";
import { OciError } from "../../core/mod.ts";
import type { Change } from "./archive.ts";
import { BLOCK, readHeader, rename, seal } from "./block.ts";
import { type Entry, isPatchable } from "./contents.ts";
import type { Member } from "./members.ts";
import { BLOBS, DEAD, OLD } from "./names.ts";
import { bytesAt } from "./positions.ts";

/** Gives the folder in the name of a blob another name of the same length: one write to one sector. */
export async function moveEntry({ file, assertHeld }: Change, entry: Entry, to: string) {
  if (!isPatchable(entry)) {
    throw new OciError(
      "unsupported",
      `Cannot rename ${entry.digest}: its name lies across two sectors; compact the archive first`,
      { digest: entry.digest },
    );
  }
  const at = Math.floor(entry.folderAt / BLOCK) * BLOCK;
  const block = Buffer.from(bytesAt(file, at, BLOCK));
  const from = entry.folderAt - at;
  if (![BLOBS, DEAD].includes(block.toString("latin1", from, from + BLOBS.length))) throw moved();
  block.write(to, from);
  // A name in an extension is no part of any checksum.
  if (at === entry.header) seal(block);
  assertHeld();
  await file.write(block, 0, BLOCK, at);
}

/** Puts a document of former times aside, so that readers who take the first of a name find the last. */
export async function hideDocument({ file, assertHeld }: Change, doc: Member, name: string) {
  const { header, nameAt } = doc;
  const inHeader = nameAt >= header && nameAt < header + BLOCK;
  // One that has its name in an extension keeps it until the archive is compacted.
  if (!inHeader) return;
  const block = bytesAt(file, header, BLOCK);
  if (block.length < BLOCK || readHeader(block, header).name !== doc.name) throw moved();
  rename(block, OLD + name.replaceAll("/", "-"));
  assertHeld();
  await file.write(block, 0, BLOCK, header);
}

function moved(): OciError {
  return new OciError("conflict", "Cannot change a header: another program has written there");
}
