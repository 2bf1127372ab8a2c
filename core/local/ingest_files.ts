import { constants, fstatSync, openSync } from "node:fs";
import { lstat, mkdir, readdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { BlobInfo, Blobs, IngestStatus } from "../backend.ts";
import { type Digest, digestOf, splitDigest } from "../digest.ts";
import { fileError, ifThere, unlessMissing } from "./file_error.ts";
import { uniqueName } from "./files.ts";
import { ingestInto } from "./ingest_file.ts";
import { agree, type IngestMeta, readMeta, writeMeta } from "./ingest_meta.ts";
import type { LocalPlace } from "./local_place.ts";

/** Where writes are kept and where they end. */
export interface IngestFilesOptions {
  /** A folder for the named ones. */
  readonly folder: string;
  /** Moves a finished file to its name. */
  readonly publish: (path: string, digest: Digest) => Promise<void>;
}

const { O_RDWR, O_CREAT, O_EXCL } = constants;
const EXISTING = O_RDWR | (constants.O_NOFOLLOW ?? 0);
const NEW = O_RDWR | O_CREAT | O_EXCL;

/** Writes into files: unnamed ones in `tmp`, each named one in a folder of its own. */
export function ingestFiles(
  place: LocalPlace,
  { folder, publish }: IngestFilesOptions,
): Pick<Blobs, "ingest" | "ingests" | "abort"> {
  const homeOf = (ref: string) => join(folder, splitDigest(digestOf(ref)).hex);

  async function unnamed() {
    const path = join(place.tmp, uniqueName(place.clock));
    await place.disk.step("make ingest");
    const fd = openSync(path, NEW, 0o444);
    const now = new Date(place.clock.now());
    const status: IngestStatus = { ref: "", offset: 0, startedAt: now, updatedAt: now };
    return ingestInto(place, {
      path,
      fd,
      status,
      publish,
      remove: () => rm(path, { force: true }),
    });
  }

  /** The write as it was left, if it is whole and nothing else is expected of it. */
  async function existing(ref: string, expect: Partial<BlobInfo>) {
    const home = homeOf(ref);
    const found = await readMeta(home);
    const meta = found?.ref === ref ? agree(found, expect) : undefined;
    const fd = meta && ifThere(() => openSync(join(home, meta.data), EXISTING));
    if (!meta || fd === undefined) return undefined;
    if (meta.total !== found?.total || meta.expected !== found?.expected) {
      await writeMeta(place, home, meta);
    }
    return { meta, fd };
  }

  async function afresh(ref: string, expect: Partial<BlobInfo>) {
    const home = homeOf(ref);
    const { clock } = place;
    const blank = { ref, startedAt: clock.now(), data: uniqueName(clock) };
    const meta: IngestMeta = agree(blank, expect) ?? blank;
    await place.disk.step("make ingest");
    await rm(home, { recursive: true, force: true });
    await mkdir(home, { recursive: true });
    const fd = openSync(join(home, meta.data), NEW, 0o644);
    await writeMeta(place, home, meta);
    return { meta, fd };
  }

  async function named(ref: string, expect: Partial<BlobInfo>) {
    const { meta, fd } = await existing(ref, expect) ?? await afresh(ref, expect);
    const home = homeOf(ref);
    const path = join(home, meta.data);
    const status = statusOf(meta, fstatSync(fd));
    // The name is free as soon as the bytes are published: another writer may have begun already.
    const remove = async () => {
      if ((await readMeta(home))?.data !== meta.data) return;
      await rm(join(home, "meta.json"), { force: true });
      await rmdir(home).catch(() => {});
    };
    return ingestInto(place, { path, fd, status, publish, remove });
  }

  return {
    async ingest({ ref, expect = {} } = {}) {
      const action = ref === undefined ? "Cannot write a blob" : `Cannot write "${ref}"`;
      await place.writing(action);
      try {
        return ref === undefined ? await unnamed() : await named(ref, expect);
      } catch (error) {
        throw fileError(error, action);
      }
    },

    async *ingests() {
      try {
        for (const id of await unlessMissing(readdir(folder)) ?? []) {
          const meta = await readMeta(join(folder, id));
          const stats = meta && await unlessMissing(lstat(join(folder, id, meta.data)));
          if (stats) yield statusOf(meta, stats);
        }
      } catch (error) {
        throw fileError(error, "Cannot list the writes", "read");
      }
    },

    async abort(ref) {
      const action = `Cannot abort "${ref}"`;
      await place.writing(action);
      const grave = join(place.tmp, uniqueName(place.clock));
      try {
        await place.disk.step("abort ingest");
        await rename(homeOf(ref), grave);
        await place.disk.step("remove aborted ingest");
        await rm(grave, { recursive: true, force: true });
      } catch (error) {
        throw fileError(error, action, "write", { ref });
      }
    },
  };
}

function statusOf(
  { ref, startedAt, total, expected }: IngestMeta,
  stats: { size: number; mtimeMs: number },
): IngestStatus {
  return {
    ref,
    offset: stats.size,
    ...(total === undefined ? {} : { total }),
    ...(expected === undefined ? {} : { expected }),
    startedAt: new Date(startedAt),
    updatedAt: new Date(Math.floor(stats.mtimeMs)),
  };
}
