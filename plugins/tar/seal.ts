import { splitDigest } from "../../core/mod.ts";
import { type Addition, type Sink, writeMember } from "./append.ts";
import { BLOCK, makeHeader } from "./block.ts";
import { type Body, documentOf, memberOf } from "./body.ts";
import { dockerManifest } from "./docker.ts";
import { BLOBS } from "./names.ts";
import { graphOf, ordered } from "./order.ts";
import type { Digest } from "../../core/mod.ts";

/** What a whole archive is made of. */
export interface Whole {
  /** By name; those of former times are not among them. */
  readonly docs: ReadonlyMap<string, string>;
  readonly bodies: ReadonlyMap<Digest, Body>;
  /** Files that mean nothing to a layout. */
  readonly others?: readonly Addition[];
}

const FIRST = ["oci-layout", "index.json", "manifest.json"];

/**
 * Writes an archive in its one order and form: no times, no owners, no members but what is meant. Equal contents make
 * equal bytes.
 */
export async function writeSealed(sink: Sink, { docs, bodies, others = [] }: Whole): Promise<void> {
  const index = docs.get("index.json");
  const graph = await graphOf(index, bodies);
  const texts = new Map(docs);
  if (texts.has("manifest.json")) {
    texts.set("manifest.json", dockerManifest(index, graph, (digest) => bodies.has(digest)));
  }
  const rest = [...texts.keys()].filter((name) => !FIRST.includes(name)).sort();
  for (const name of [...FIRST, ...rest]) {
    const text = texts.get(name);
    if (text !== undefined) await writeMember(sink, documentOf(name, text));
  }
  const folders = [...new Set([...bodies.keys()].map((digest) => splitDigest(digest).algorithm))];
  if (folders.length > 0) {
    for (const name of [BLOBS, ...folders.sort().map((folder) => `${BLOBS}${folder}/`)]) {
      await sink.write(makeHeader({ name, size: 0, type: "5", mode: 0o755 }));
    }
  }
  for (const body of ordered(graph, bodies)) await writeMember(sink, memberOf(body));
  for (const other of others) await writeMember(sink, other);
  await sink.write(new Uint8Array(2 * BLOCK));
}
