import { closeSync, fchmodSync, fstatSync } from "node:fs";
import type { Digest } from "../digest.ts";
import type { Ingest, IngestStatus } from "../backend.ts";
import { OciError } from "../errors.ts";
import { errnoOf, fileError } from "./file_error.ts";
import { fileStream } from "./file_stream.ts";
import { fileWriter, writeTo } from "./file_writer.ts";
import type { LocalPlace } from "./local_place.ts";

/** The file that a write fills. */
export interface IngestFile {
  readonly path: string;
  readonly fd: number;
  /** What the write was opened with; empty `ref` for an unnamed one. */
  readonly status: IngestStatus;
  /** Moves the finished file to its name. */
  readonly publish: (path: string, digest: Digest) => Promise<void>;
  /** Removes what is left of the write. */
  readonly remove: () => Promise<void>;
}

/** A write into a file that nobody looks at before it is published. */
export function ingestInto(place: LocalPlace, target: IngestFile): Ingest {
  const { path, fd, publish, remove } = target;
  const named = target.status.ref !== "";
  const writer = fileWriter(writeTo(fd, place.disk), target.status.offset);
  let status = target.status;
  let open = true;
  /** Bytes were taken that could not be written. */
  let failed = false;

  const assertOpen = (action: string) => {
    if (!open) throw new OciError("invalid", `${action}: the write is closed`);
    if (named && fstatSync(fd).nlink === 0) throw aborted(action);
  };
  const guarded = async (action: string, work: () => Promise<void>) => {
    try {
      assertOpen(action);
      await work();
    } catch (error) {
      throw fileError(error, action);
    }
  };
  const noting = async (work: Promise<void>) => {
    try {
      await work;
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const keep = () => guarded("Cannot keep what was written", () => noting(writer.flush()));

  return {
    get status() {
      return { ...status, offset: writer.position };
    },

    async stored() {
      await keep();
      const range = { start: 0, end: writer.position, close: () => Promise.resolve() };
      return fileStream(fd, range, "Cannot read what was written");
    },

    writable: new WritableStream<Uint8Array>({
      write: (chunk) =>
        guarded("Cannot write a blob", async () => {
          await place.disk.step("write blob");
          await noting(writer.write(chunk));
          status = { ...status, updatedAt: new Date(place.clock.now()) };
        }),
      close: keep,
      abort: keep,
    }),

    async commit({ digest, size }) {
      const action = `Cannot store ${digest}`;
      await guarded(action, async () => {
        await noting(writer.flush());
        if (writer.position !== size) {
          const why = `${writer.position} bytes were written, not ${size}`;
          throw new OciError("corrupt", `${action}: ${why}`, { digest });
        }
        await place.disk.step("sync blob");
        await noting(writer.sync());
        try {
          await publish(path, digest);
        } catch (error) {
          throw named && errnoOf(error) === "ENOENT" ? aborted(action) : error;
        }
        open = false;
        if (named) fchmodSync(fd, fstatSync(fd).mode & 0o444);
        closeSync(fd);
        await place.disk.step("remove ingest");
        if (named) await remove();
      });
    },

    async [Symbol.asyncDispose]() {
      if (!open) return;
      try {
        if (named && !failed && fstatSync(fd).nlink > 0) {
          await keep();
          await writer.sync();
        }
      } finally {
        open = false;
        closeSync(fd);
        if (!named) await remove();
      }
    },
  };
}

const aborted = (action: string) => new OciError("aborted", `${action}: the write was aborted`);
