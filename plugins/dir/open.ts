import { stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type Backend,
  type BackendOptions,
  blobFiles,
  createPlace,
  docFiles,
  fileLock,
  ingestFiles,
  type LocalPlace,
  type OnStep,
  openLimbo,
  removeBlobs,
  renewBlob,
  tidied,
  trashFolder,
} from "../../core/mod.ts";
import { adoptBlob } from "./adopt.ts";
import { checkPlace, sharedFileSystem } from "./check_place.ts";
import { indexGuard } from "./index_guard.ts";
import { mendModes, textAt } from "./mend.ts";
import { directoryPath, directoryUrl } from "./url.ts";

/** How directories are used, in tests. */
export interface DirectoryOptions {
  /** Told each step that a crash could fall beside. */
  readonly onStep?: OnStep;
  /** Milliseconds after which the lock of a dead process is taken over; default 10,000. */
  readonly stale?: number;
}

const OURS = ["lock", "lock.owner", "index.prev", "tmp", "ingest", "trash", "limbo"];
const RESERVED = ["blobs", "index.json.lock", ...OURS.map((name) => `.stowage/${name}`)];

/**
 * Opens a directory, which may be missing. The path itself may be a link, and so may `blobs`.
 *
 * @throws {OciError} `invalid` where a file stands for a folder, `unsupported` where a link does, `unavailable`.
 */
export async function openDirectory(
  url: URL,
  options: BackendOptions,
  { onStep, stale }: DirectoryOptions = {},
): Promise<Backend> {
  const { mode, wait, clock, notice } = options;
  const root = directoryPath(url);
  await checkPlace(root);
  const shared = mode === "read" ? undefined : await sharedFileSystem(root);
  if (shared) {
    notice("shared_file_system", `"${root}" is on ${shared}: locks of other tools are not seen`);
  }

  const ours = (name: string) => join(root, ".stowage", name);
  const made = createPlace({
    ...options,
    onStep,
    tmp: ours("tmp"),
    shown: root,
    prepare: async (disk) => {
      if (mode === "write") await stat(root);
      else await disk.makeFolder(join(root, "blobs"));
    },
  });
  const place: LocalPlace = tidied(made, () => ({ limbo, files }));
  const limbo = openLimbo(place, ours("limbo"));
  const files = blobFiles(place, join(root, "blobs"), limbo);
  const trash = trashFolder(place, ours("trash"), files);
  const { stat: look, read, list, publish, flush } = files;
  const previous = ours("index.prev");
  const docs = docFiles(place, {
    pathOf: (name) => join(root, name),
    folders: ["", ".stowage/"],
    reserved: RESERVED,
    lock: fileLock(join(root, ".stowage"), {
      clock,
      tmp: place.tmp,
      ...(stale ? { stale } : {}),
    }),
    wait,
    flush,
    guard: indexGuard(place, {
      index: join(root, "index.json"),
      lock: join(root, "index.json.lock"),
      previous,
    }),
  });

  return {
    url: directoryUrl(root),
    blobs: {
      stat: look,
      read,
      list,
      ...ingestFiles(place, { folder: ours("ingest"), publish }),
      delete: removeBlobs(place, files, limbo, trash.bury),
      renew: (seen) => renewBlob(place, files, seen),
      adopt: adoptBlob(place, files),
      trash,
    },
    docs: {
      ...docs,
      // deno-lint-ignore require-await
      previous: async (name) => name === "index.json" ? textAt(previous) : undefined,
    },
    mend: () => mendModes(place, files),
    [Symbol.asyncDispose]: flush,
  };
}
