import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import {
  type Backend,
  type BackendOptions,
  fileError,
  isOciError,
  OciError,
  uniqueName,
} from "../../core/mod.ts";
import { openTar } from "./open.ts";
import { archiveUrl } from "./url.ts";

/** Opens a stream that has to be looked at as a whole: saved to a temporary file, which goes when it is closed. */
export async function openSaved(
  url: URL,
  input: AsyncIterable<Uint8Array>,
  options: BackendOptions,
): Promise<Backend> {
  const path = join(tmpdir(), `stowage-${uniqueName(options.clock)}.tar`);
  const remove = () => rm(path, { force: true });
  try {
    await pipeline(input, createWriteStream(path, { flags: "wx", mode: 0o600 }));
    const backend = await openTar(archiveUrl(path), {
      ...options,
      notice: (code, message) => {
        if (code !== "compressed") options.notice(code, message.replaceAll(path, "-"));
      },
    });
    return {
      ...backend,
      url,
      async [Symbol.asyncDispose]() {
        await backend[Symbol.asyncDispose]();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    if (!isOciError(error)) throw fileError(error, "Cannot keep what the stream brings");
    const { code, message, digest, cause } = error;
    throw new OciError(code, message.replaceAll(path, "-"), { digest, cause });
  }
}
