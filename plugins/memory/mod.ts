/**
 * The backend of tests and of throw-away layouts: what the contract asks for, in maps.
 *
 * @module
 */
import {
  type Backend,
  type BackendOptions,
  type Clock,
  type Doc,
  type Docs,
  OciError,
  type Plugin,
} from "../../core/mod.ts";
import { createBlobs } from "./blobs.ts";

/** The places of one plugin, by name. */
export type Places = Map<string, Omit<Backend, "url">>;

/** Brings `mem:NAME`: places that live as long as the plugin, and are shared by name within it. */
export function memory(): Plugin {
  const places: Places = new Map();
  return {
    name: "memory",
    backends: { mem: (url, options) => openMemory(url, options, places) },
  };
}

/** Opens a place among `places`, where mode `create` makes the missing one; alone it is always new. */
export function openMemory(
  url: URL,
  { mode, clock }: BackendOptions,
  places: Places = new Map(),
): Promise<Backend> {
  const { pathname: name } = url;
  const place = places.get(name) ?? createPlace(clock, places);
  if (mode === "create") places.set(name, place);
  return Promise.resolve({ ...place, url });
}

function createPlace(clock: Clock, places: Places): Omit<Backend, "url"> {
  let writes = 0;
  const version = () => `${++writes}`;
  const neighbour = ({ protocol, pathname }: URL) =>
    protocol === "mem:" ? places.get(pathname)?.blobs : undefined;
  return {
    docs: createDocs(version),
    blobs: createBlobs(clock, version, neighbour),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function createDocs(version: () => string): Docs {
  const docs = new Map<string, Doc>();
  return {
    load: (name, { limit = Infinity } = {}) =>
      Promise.try(() => {
        const doc = docs.get(name);
        if (!doc || new TextEncoder().encode(doc.text).length <= limit) return doc;
        throw new OciError(
          "size_exceeded",
          `Cannot read "${name}": it has more than ${limit} bytes`,
        );
      }),
    swap: (name, text, seen) =>
      Promise.try(() => {
        if (docs.get(name)?.version !== seen?.version) {
          throw new OciError("conflict", `Cannot swap "${name}": it has moved on`);
        }
        docs.delete(name);
        if (text !== undefined) docs.set(name, { text, version: version() });
        return docs.get(name);
      }),
    async *list(prefix) {
      for (const name of [...docs.keys()]) if (name.startsWith(prefix)) yield name;
    },
  };
}
