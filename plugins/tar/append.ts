import type { FileHandle } from "node:fs/promises";
import { type Disk, fileError, fileWriter, OciError, writeTo } from "../../core/mod.ts";
import type { Change } from "./archive.ts";
import { BLOCK, isZero, makeHeader, padded } from "./block.ts";
import { isMember, type Member, readMembers } from "./members.ts";
import { COMMIT } from "./names.ts";
import { headersOf } from "./pax.ts";

/** A member that is to be added. */
export interface Addition {
  readonly name: string;
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime?: number;
  /** Its bytes: exactly `size` of them. */
  bytes(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

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

/**
 * Adds members, all or none, whatever happens: they are written behind the end of the archive, where nobody looks, and
 * come to be by one write to one sector. The first of the two blocks that mark the end turns into the header of a small
 * file whose only content is the second, so what stands behind them is read on.
 *
 * @throws {OciError} `unavailable` with the reason `unknown` if nobody can tell whether they were added.
 */
export async function append(
  disk: Disk,
  change: Change,
  additions: Iterable<Addition>,
): Promise<Member[]> {
  const { file, view: { contents }, assertHeld } = change;
  const { end } = contents;
  const start = end + 2 * BLOCK;
  let members: Member[];
  try {
    if (!contents.marked) await file.write(new Uint8Array(2 * BLOCK), 0, 2 * BLOCK, end);
    const writer = fileWriter(writeTo(file.fd, disk), start);
    const sink: Sink = {
      async write(chunk) {
        assertHeld();
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
    assertHeld();
    await file.truncate(writer.position);
    await disk.step("sync archive");
    await writer.sync();
    members = await membersIn(file, start, writer.position);
    await disk.step("commit archive");
    assertHeld();
  } catch (error) {
    // What is left there is invisible; the next writer writes over it.
    await file.truncate(start).catch(() => {});
    throw error;
  }
  try {
    await file.write(makeHeader({ name: COMMIT, size: BLOCK }), 0, BLOCK, end);
    await disk.step("sync commit");
    await disk.syncFile(file.fd);
  } catch (cause) {
    const { message } = fileError(cause, "Cannot commit to the archive");
    throw new OciError("unavailable", message, { reason: "unknown", cause });
  }
  Object.assign(contents, { end: (await file.stat()).size - 2 * BLOCK, marked: true });
  return members;
}

/** Reads back the headers of what was written. */
async function membersIn(file: FileHandle, from: number, until: number): Promise<Member[]> {
  const steps = readMembers(until, from);
  const members: Member[] = [];
  let bytes: Uint8Array = new Uint8Array(0);
  while (true) {
    const step = steps.next(bytes);
    if (step.done) {
      const marker = await bytesAt(file, step.value.end, 2 * BLOCK);
      if (marker.length === 2 * BLOCK && isZero(marker)) return members;
      throw new OciError("unavailable", "Cannot add to the archive: it does not read as written");
    }
    if (isMember(step.value)) members.push(step.value);
    else bytes = await bytesAt(file, step.value.at, step.value.length);
  }
}

/** Bytes of a file, as many as there are. */
export async function bytesAt(file: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}
