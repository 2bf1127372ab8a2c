// What the tests of the program know of layouts on the disk without asking the program.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createRegistry, type Digest, type Layout, openLayout } from "../../core/mod.ts";
import { directory, directoryUrl } from "../../plugins/dir/mod.ts";

/** Opens a layout of a directory by the library; made if it is not there. */
export function openFolder(path: string): Promise<Layout> {
  const registry = createRegistry([directory()]);
  return openLayout(directoryUrl(path), { registry, mode: "create", durability: "none" });
}

/** Where a blob is. */
export function blobPath(folder: string, digest: string): string {
  return join(folder, "blobs", ...digest.split(":"));
}

/** The JSON of a blob. */
export function blobJson(folder: string, digest: string): unknown {
  return JSON.parse(readFileSync(blobPath(folder, digest), "utf8"));
}

/** The entries of a layout: name and digest, as they stand in the file. */
export function entriesIn(folder: string): { name: string | undefined; digest: Digest }[] {
  const { manifests } = JSON.parse(readFileSync(join(folder, "index.json"), "utf8"));
  return manifests.map(
    (entry: { digest: Digest; annotations?: Record<string, string> }) => ({
      name: entry.annotations?.["org.opencontainers.image.ref.name"],
      digest: entry.digest,
    }),
  );
}

/** All that a folder holds: paths, sizes and times. Equal before and after: nothing was written. */
export function snapshot(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).map(String).sort().map((path) => {
    const { size, mtimeMs, ino } = statSync(join(folder, path));
    return `${path} ${size} ${mtimeMs} ${ino}`;
  });
}
