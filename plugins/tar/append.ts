import { Buffer } from "node:buffer";
import { fstatSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { type Disk, fileWriter, OciError, orUnknown, writeTo } from "../../core/mod.ts";
import type { Change } from "./archive.ts";
import { BLOCK, isZero, makeHeader, padded } from "./block.ts";
import { isMember, type Member, readMembers } from "./members.ts";
import { COMMIT } from "./names.ts";
import { headersOf } from "./pax.ts";
import { bytesAt } from "./positions.ts";

/** A member that is to be added. */
export interface Addition {
  readonly name: string;
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime?: number;
  /** Its bytes: exactly `size` of them. */
  bytes(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

const ACTION = "Cannot add to the archive";
/** So many bytes before its end tell whether an archive is still what it was. */
const TAIL = 4096;

/** Where members go. */
export interface Sink {
  write(chunk: Uint8Array): Promise<void>;
}

/** Writes one member, padded to whole blocks. Throws `corrupt` if it has not the bytes it should have. */
export async function writeMember(sink: Sink, addition: Addition): Promise<void> {
  const { name, size } = addition;
  await sink.write(headersOf(addition));
  let written = 0;
  for await (const chunk of addition.bytes()) {
    written += chunk.length;
    if (written > size) break;
    await sink.write(chunk);
  }
  if (written !== size) {
    throw new OciError("corrupt", `Cannot write "${name}": it has not the ${size} bytes it should`);
  }
  await sink.write(new Uint8Array(padded(size) - size));
}

/** What an append does before and after the one write that makes it come to be. */
export interface Committing {
  /** Prepares for the members that are there then. */
  before(members: readonly Member[]): Promise<void>;
  /** Takes them into account; `assertOurs` throws once another program has written to the archive. */
  after(members: readonly Member[], assertOurs: () => void): Promise<void>;
}

/**
 * Adds members, all or none, whatever happens: they are written behind the end of the archive, where nobody looks, and
 * come to be by one write to one sector. The first of the two blocks that mark the end turns into the header of a small
 * file whose only content is the second, so what stands behind them is read on.
 *
 * @throws {OciError} `conflict` if a program that knows no lock writes to it too, `unavailable` with the reason `unknown`
 * if nobody can tell whether they were added.
 */
export async function append(
  disk: Disk,
  change: Change,
  additions: Iterable<Addition>,
  committing: Committing,
): Promise<void> {
  const { file, view: { contents, length }, assertHeld } = change;
  const { end } = contents;
  const start = end + 2 * BLOCK;
  const writer = fileWriter(writeTo(file.fd, disk), start);
  const others = () => new OciError("conflict", `${ACTION}: another program writes to it`);
  let isCut = false;
  const assertSize = () => {
    assertHeld();
    const { size } = fstatSync(file.fd);
    const least = isCut ? writer.position : length;
    if (size < least || size > Math.max(least, writer.position)) throw others();
  };
  const tailAt = Math.max(0, end - TAIL);
  const tail = Buffer.alloc(start - tailAt);
  tail.set(bytesAt(file, tailAt, end - tailAt));
  const assertOurs = () => {
    assertSize();
    if (tail.compare(bytesAt(file, tailAt, tail.length)) !== 0) throw others();
  };
  let members: Member[];
  try {
    assertSize();
    if (!contents.marked) await file.write(new Uint8Array(2 * BLOCK), 0, 2 * BLOCK, end);
    const sink: Sink = {
      async write(chunk) {
        assertSize();
        await writer.write(chunk);
      },
    };
    for (const addition of additions) {
      await disk.step("append member");
      await writeMember(sink, addition);
    }
    await sink.write(new Uint8Array(2 * BLOCK));
    await writer.flush();
    await disk.step("cut archive");
    assertOurs();
    await file.truncate(writer.position);
    isCut = true;
    await disk.step("sync archive");
    await writer.sync();
    members = membersIn(file, start, writer.position);
    await committing.before(members);
    await disk.step("commit archive");
    assertOurs();
  } catch (error) {
    // What is left there is invisible; the next writer writes over it.
    assertOurs();
    await file.truncate(start).catch(() => {});
    throw error;
  }
  await orUnknown("Cannot commit to the archive", async () => {
    await file.write(makeHeader({ name: COMMIT, size: BLOCK }), 0, BLOCK, end);
    await disk.step("sync commit");
    await disk.syncFile(file.fd);
    Object.assign(contents, { end: writer.position - 2 * BLOCK, marked: true });
    await committing.after(members, assertSize);
  });
}

/** Reads back the headers of what was written. */
function membersIn(file: FileHandle, from: number, until: number): Member[] {
  const steps = readMembers(until, from);
  const members: Member[] = [];
  let bytes: Uint8Array = new Uint8Array(0);
  while (true) {
    const step = steps.next(bytes);
    if (step.done) {
      const marker = bytesAt(file, step.value.end, 2 * BLOCK);
      if (marker.length === 2 * BLOCK && isZero(marker)) return members;
      throw new OciError("unavailable", `${ACTION}: it does not read as written`);
    }
    if (isMember(step.value)) members.push(step.value);
    else bytes = bytesAt(file, step.value.at, step.value.length);
  }
}
