import { open } from "node:fs/promises";
import {
  type Backend,
  type BlobInfo,
  clampRange,
  type Digest,
  fileError,
  fileStream,
  localPath,
  OciError,
  type OpenMode,
} from "../../core/mod.ts";
import type { Contents } from "./contents.ts";
import { type DockerLayout, dockerLayout } from "./docker_archive.ts";
import { asSaid } from "./inflated.ts";
import { refusing, unwritable } from "./read_only.ts";

/** Why nothing is written to such an archive, and what to do. */
export const READ_ONLY =
  "it is a docker archive without an index, which is only read; copy it --all to a new archive";

/**
 * Opens a docker archive as a layout that is only read.
 *
 * @throws {OciError} `read_only` in any other mode, `corrupt`, `size_exceeded`.
 */
export async function openDocker(
  url: URL,
  path: string,
  contents: Contents,
  mode: OpenMode,
): Promise<Backend> {
  if (mode !== "read") {
    throw new OciError("read_only", `Cannot open "${localPath(url)}" to write: ${READ_ONLY}`);
  }
  await using file = await open(path, "r");
  return dockerBackend(url, path, await dockerLayout(file, contents));
}

/** A docker archive as a backend. */
function dockerBackend(url: URL, path: string, { index, blobs }: DockerLayout): Backend {
  const docs = new Map([["index.json", index], ["oci-layout", '{"imageLayoutVersion":"1.0.0"}']]);
  const infoOf = (digest: Digest): BlobInfo | undefined => {
    const found = blobs.get(digest);
    if (!found) return undefined;
    return { digest, size: "size" in found ? found.size : found.length, version: "1" };
  };
  return {
    url,
    docs: {
      load(name, { limit = Infinity } = {}) {
        const text = docs.get(name);
        if (text === undefined || text.length <= limit) {
          return Promise.resolve(text === undefined ? undefined : { text, version: "1" });
        }
        const message = `Cannot read "${name}": it has more than ${limit} bytes`;
        return Promise.reject(new OciError("size_exceeded", message));
      },
      swap: refusing(READ_ONLY)("write to it"),
      async *list(prefix) {
        for (const name of docs.keys()) if (name.startsWith(prefix)) yield name;
      },
    },
    blobs: {
      ...unwritable(READ_ONLY),
      stat: (digest) => Promise.resolve(infoOf(digest)),
      async read(digest, range = {}) {
        const action = `Cannot read ${digest}`;
        const found = blobs.get(digest);
        if (!found) throw new OciError("not_found", `${action}: it is not stored`, { digest });
        const { start, end } = clampRange(range, infoOf(digest)?.size ?? 0, action);
        if (!("size" in found)) return new Blob([found.slice(start, end)]).stream();
        const file = await open(path, "r").catch((error) => {
          throw fileError(error, action, "read");
        });
        const part = { start: found.data + start, end: found.data + end };
        const stream = fileStream(file.fd, { ...part, close: () => file.close() }, action);
        if (!("content" in found) || end - start < found.size) return stream;
        return ReadableStream.from(asSaid(stream, found));
      },
      async *list({ skip } = {}) {
        for (const digest of blobs.keys()) {
          const info = skip?.(digest) ? undefined : infoOf(digest);
          if (info) yield info;
        }
      },
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
