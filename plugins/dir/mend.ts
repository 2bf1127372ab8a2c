import { readFileSync } from "node:fs";
import { chmod, lstat } from "node:fs/promises";
import { type BlobFiles, errnoOf, fileError, type LocalPlace } from "../../core/mod.ts";

const WRITABLE = 0o222;

/** Takes from blobs the right to be written, which whoever copied them here may have given; a sentence if there were any. */
export async function* mendModes(place: LocalPlace, files: BlobFiles): AsyncGenerator<string> {
  const action = "Cannot mend modes";
  await place.writing(action);
  let mended = 0;
  for await (const { digest } of files.list()) {
    const path = files.pathOf(digest);
    try {
      const { mode } = await lstat(path);
      if ((mode & WRITABLE) === 0) continue;
      await chmod(path, mode & 0o777 & ~WRITABLE);
      mended++;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw fileError(error, action);
    }
  }
  if (mended > 0) yield `${mended} blobs could be written to, and cannot any more`;
}

/** The text of a file; undefined if there is none. */
export function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw fileError(error, "Cannot read the previous index", "read");
  }
}
