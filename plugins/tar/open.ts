import { readdirSync, rmSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type Backend,
  type BackendOptions,
  blobFiles,
  createPlace,
  docFiles,
  fileError,
  fileLock,
  ingestFiles,
  type LocalPlace,
  lookAt,
  OciError,
  type OnStep,
  openLimbo,
  randomHex,
  removeBlobs,
  tidied,
  trashFolder,
} from "../../core/mod.ts";
import { openArchive } from "./archive.ts";
import { readBlobs } from "./blobs.ts";
import { compact, type Compacted, compactedSize } from "./compact.ts";
import { openCopies } from "./copies.ts";
import { deleteBlobs } from "./deletion.ts";
import { adoptLater } from "./adopt.ts";
import { archiveDocs } from "./docs.ts";
import { isDockerArchive } from "./docker_archive.ts";
import { openDocker, READ_ONLY } from "./docker_backend.ts";
import { compressionOf, inflate } from "./inflate.ts";
import { FACTS } from "./names.ts";
import { unreadable } from "./oddities.ts";
import { besideOf, realPath } from "./paths.ts";
import { refusing } from "./read_only.ts";
import { renewals } from "./renewal.ts";
import type { TarStore } from "./store.ts";
import { archiveTrash } from "./trash.ts";
import { archivePath, archiveUrl } from "./url.ts";

/** How archives are used, in tests. */
export interface TarOptions {
  /** Told each step that a crash could fall beside. */
  readonly onStep?: OnStep;
  /** Milliseconds after which the lock of a dead process is taken over; default 10,000. */
  readonly stale?: number;
  /** Bytes that a compressed archive may come to in any case; default 1 GiB, and 64 times what it has. */
  readonly mostInflated?: number;
}

const RESERVED = ["lock", "lock.owner", "copies", "tmp", "ingest", "staged", "trash", "limbo"];

/** An archive as a backend. */
export interface TarBackend extends Backend {
  /** Writes the archive anew, without what was deleted or replaced. */
  compact(): Promise<Compacted>;
  /** Bytes now, and about how many there would be after a compaction. */
  sizes(): Promise<Compacted>;
}

/** The share of an archive that may lie idle once something was purged. */
const IDLE = 0.3;

/**
 * Opens an archive, which may be missing. What has no place in it is beside it, in a folder of its name and `.stowage`;
 * reading needs none.
 *
 * @throws {OciError} `invalid` for what is no archive, `unavailable`.
 */
export async function openTar(
  url: URL,
  options: BackendOptions,
  { onStep, stale, mostInflated }: TarOptions = {},
): Promise<TarBackend> {
  const { mode, wait, clock, notice } = options;
  const typed = archivePath(url);
  const real = realPath(typed);
  const beside = besideOf(real, options);
  const compression = compressionOf(real);
  if (compression && mode !== "read") {
    const why = `it is compressed by ${compression}; unpack it to change it`;
    throw new OciError("read_only", `Cannot open "${typed}" to write: ${why}`);
  }
  const path = compression ? await inflate(real, compression, clock, mostInflated) : real;
  if (compression) {
    notice("compressed", `"${typed}" is compressed by ${compression}: each opening inflates it`);
  }
  const ours = (name: string) => join(beside, name);
  const made = createPlace({
    ...options,
    onStep,
    tmp: ours("tmp"),
    shown: typed,
    async prepare() {
      if (mode === "write") await stat(path);
    },
  });
  const place: LocalPlace = tidied(made, () => ({ limbo, files: staged }));
  const lock = fileLock(beside, { clock, tmp: place.tmp, ...(stale ? { stale } : {}) });
  const copies = openCopies(place, beside);
  const archive = openArchive(place, path, { lock, copies, wait });
  const limbo = openLimbo(place, ours("limbo"));
  const staged = blobFiles(place, ours("staged"), limbo);
  const trash = trashFolder(place, ours("trash"), staged);
  // deno-lint-ignore require-await
  const unstage = removeBlobs(place, staged, limbo, async (stay) => {
    const names = readdirSync(stay);
    rmSync(stay, { recursive: true });
    return names;
  });
  const store: TarStore = {
    place,
    archive,
    copies,
    staged,
    pending: new Map(),
    version: () => `!${randomHex(clock, 24)}`,
    unstage: async (seen) => (await unstage([seen]))[0]?.outcome === "removed",
    facts: async () => (await docs.load(FACTS))?.text,
    fresh: mode === "create" && !lookAt(path),
  };
  const flush = async () => {
    try {
      await staged.flush();
      await copies.flush();
    } catch (error) {
      throw fileError(error, `Cannot put on the disk what is beside "${typed}"`);
    }
  };
  const docs = docFiles(place, {
    pathOf: (name) => join(beside, name.slice(".stowage/".length)),
    folders: [".stowage/"],
    reserved: RESERVED.map((name) => `.stowage/${name}`),
    lock,
    wait,
    flush,
  });
  const release = () => compression && rmSync(path, { force: true });
  const sizes = async () => {
    const { contents, length } = await archive.look();
    return { before: length, after: compactedSize(contents) };
  };
  try {
    const { contents } = await archive.look();
    if (isDockerArchive(contents)) {
      const docker = await openDocker(archiveUrl(real), path, contents, mode);
      return {
        ...docker,
        compact: refusing(READ_ONLY)("compact it"),
        sizes,
        async [Symbol.asyncDispose]() {
          await docker[Symbol.asyncDispose]();
          release();
        },
      };
    }
  } catch (error) {
    release();
    throw error;
  }
  let purged = 0;
  return {
    url: archiveUrl(real),
    blobs: {
      ...readBlobs(store),
      ...ingestFiles(place, { folder: ours("ingest"), publish: staged.publish }),
      delete: deleteBlobs(store, removeBlobs(place, staged, limbo, trash.bury)),
      renew: renewals(store),
      adopt: adoptLater(store),
      trash: archiveTrash(store, trash, (size) => purged += size),
    },
    docs: archiveDocs(store, docs, flush),
    compact: () => compact(store),
    sizes,
    async [Symbol.asyncDispose]() {
      if (compression) return void release();
      await flush();
      if (purged === 0) return;
      purged = 0;
      const { contents, length } = await archive.look();
      const isIdle = compactedSize(contents) < length * (1 - IDLE);
      if (isIdle && unreadable(contents) === undefined) await compact(store);
    },
  };
}
