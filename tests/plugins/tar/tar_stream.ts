// The one door to tar-stream, which reads and writes archives and is not ours.
import { Buffer } from "node:buffer";
// @ts-types="./tar_stream.d.ts"
import tar from "npm:tar-stream@3.2.2";
import type { File, Others } from "./others.ts";

/** Archives as tar-stream reads and writes them. */
export const tarStream: Others = {
  stops: false,

  async read(archive) {
    const files: File[] = [];
    const extract = tar.extract();
    extract.end(Buffer.from(archive));
    for await (const entry of extract) {
      const { name, type } = entry.header;
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) chunks.push(chunk);
      if (type === "file") files.push({ name, body: new Uint8Array(Buffer.concat(chunks)) });
    }
    return files;
  },

  async write(files) {
    const pack = tar.pack();
    for (const { name, body } of files) pack.entry({ name }, Buffer.from(body));
    pack.finalize();
    const chunks: Uint8Array[] = [];
    for await (const chunk of pack) chunks.push(chunk);
    return new Uint8Array(Buffer.concat(chunks));
  },
};
