// The one door to modern-tar, which reads and writes archives and is not ours.
import { packTar, unpackTar } from "npm:modern-tar@0.8.6";
import type { Others } from "./others.ts";

/** Archives as modern-tar reads and writes them. */
export const modernTar: Others = {
  stops: true,

  async read(archive) {
    const entries = await unpackTar(archive);
    return entries.filter(({ header }) => header.type === "file").map(({ header, data }) => ({
      name: header.name,
      body: data ?? new Uint8Array(0),
    }));
  },

  write: (files) =>
    packTar(files.map(({ name, body }) => ({
      header: { name, size: body.length, type: "file" },
      body,
    }))),
};
