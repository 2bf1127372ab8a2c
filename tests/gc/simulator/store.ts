// A store in maps, each of whose operations is a request to the world. It keeps the laws that the contract of a backend
// asks for; a mutation may take one of them away.
import {
  type Backend,
  type BlobInfo,
  type Blobs,
  type Digest,
  type Doc,
  type Ingest,
  type Lock,
  OciError,
  type Removal,
} from "../../../core/mod.ts";
import { EPOCH, type Process, type World } from "./world.ts";

/** What a store promises. */
export interface Laws {
  /** How it deletes: exactly the copy seen, or whatever is there, but nothing after a deadline. */
  readonly protocol: "exact" | "deadline";
  /** What was deleted can come back. */
  readonly trash: boolean;
  /** A document is written only if it is as it was seen. */
  readonly swapsCompare: boolean;
  /** A delete leaves a copy alone that is not the one seen. */
  readonly deletesCompare: boolean;
  /** A delete takes no effect after its deadline. */
  readonly deletesEnd: boolean;
  /** A copy has a version that no other copy ever had, rather than one that follows its content. */
  readonly versionsAreNew: boolean;
  /** A renewed copy is another one. */
  readonly renewalsRenew: boolean;
}

/** A store that keeps its promises. */
export const lawful: Laws = {
  protocol: "exact",
  trash: false,
  swapsCompare: true,
  deletesCompare: true,
  deletesEnd: true,
  versionsAreNew: true,
  renewalsRenew: true,
};

/** How far ahead a deadline must be for the store to enforce it, in milliseconds. */
export const BOUND = 60_000;
/** How far apart the clocks of the nodes of a store may be, in milliseconds. */
export const APART = 20_000;

interface Copy {
  readonly info: BlobInfo;
  readonly bytes: Uint8Array;
}

/** What is in a store. */
export interface Shelf {
  readonly laws: Laws;
  readonly docs: Map<string, Doc>;
  readonly copies: Map<Digest, Copy>;
  readonly trash: Map<string, Copy & { readonly batch: string; readonly removed: Date }>;
  writes: number;
}

/** An empty store. */
export function createShelf(laws: Laws): Shelf {
  return { laws, docs: new Map(), copies: new Map(), trash: new Map(), writes: 0 };
}

/** The store as a process sees it. Its leases exclude nobody: they never carry safety. */
export function backendOf(world: World, shelf: Shelf, process: Process): Backend {
  const { laws, docs } = shelf;
  const exact = laws.protocol === "exact";
  const ask = <T>(what: string, effect: () => T) => world.request(process, what, effect);
  const tell = <T>(what: string, effect: () => T) =>
    world.request(process, what, effect, { writes: true });
  return {
    url: new URL("sim:store"),
    lock: excludingNobody,
    docs: {
      load: (name) => ask(`load ${name}`, () => docs.get(name)),
      swap: (name, text, seen) =>
        tell(`swap ${name}`, () => {
          const now = docs.get(name);
          if (laws.swapsCompare && now?.version !== seen?.version) {
            throw new OciError("conflict", `Cannot swap "${name}": it has moved on`);
          }
          docs.delete(name);
          if (text !== undefined) docs.set(name, { text, version: `${++shelf.writes}` });
          return docs.get(name);
        }),
      async *list(prefix) {
        yield* await ask(
          "list documents",
          () => [...docs.keys()].filter((name) => name.startsWith(prefix)),
        );
      },
    },
    blobs: blobsOf(world, shelf, process),
    ...(exact ? {} : {
      now: () => ask("look at the clock", () => new Date(EPOCH + nodeTime(world))),
    }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The time by the clock of any node of the store. */
function nodeTime({ time, chance }: World): number {
  return time + Math.floor((chance.next() - 0.5) * APART);
}

const excludingNobody: Lock = {
  acquire: () =>
    Promise.resolve({
      signal: new AbortController().signal,
      assertHeld() {},
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
};

function blobsOf(world: World, shelf: Shelf, process: Process): Blobs {
  const { laws, copies, trash } = shelf;
  const exact = laws.protocol === "exact";
  const ask = <T>(what: string, effect: () => T) => world.request(process, what, effect);
  const tell = <T>(what: string, effect: () => T) =>
    world.request(process, what, effect, { writes: true });

  const publish = ({ digest, size }: BlobInfo, bytes: Uint8Array): BlobInfo => {
    const version = exact ? laws.versionsAreNew ? `${++shelf.writes}` : digest : undefined;
    const modified = new Date(exact ? process.clock.now() : EPOCH + world.time);
    const info = { digest, size, modified, ...(version === undefined ? {} : { version }) };
    copies.set(digest, { info, bytes });
    return info;
  };

  const remove = (seen: BlobInfo, until: Date | undefined, batch = ""): Removal["outcome"] => {
    if (laws.deletesEnd && until && EPOCH + nodeTime(world) >= until.getTime()) return "failed";
    const copy = copies.get(seen.digest);
    if (!copy) return "absent";
    if (exact && laws.deletesCompare && copy.info.version !== seen.version) return "replaced";
    copies.delete(seen.digest);
    const removed = new Date(EPOCH + world.time);
    if (laws.trash) trash.set(`${batch}/${seen.digest}`, { ...copy, batch, removed });
    return "removed";
  };

  return {
    stat: (digest) => ask(`stat ${short(digest)}`, () => copies.get(digest)?.info),

    read: (digest, { start, end } = {}) =>
      ask(`read ${short(digest)}`, () => {
        const copy = copies.get(digest);
        if (copy) return streamOf(copy.bytes.slice(start, end));
        throw new OciError("not_found", `Cannot read ${digest}: it is not there`, { digest });
      }),

    // Page by page: each as it is when it is asked for, or as all was in the beginning.
    async *list({ skip } = {}) {
      const stale = world.chance.hit(0.3);
      const all = await ask("list blobs", () => [...copies.values()].map(({ info }) => info));
      for (let at = 0; at < all.length; at += 3) {
        const page = all.slice(at, at + 3);
        const infos = stale ? page : await ask(
          "list on",
          () => page.flatMap(({ digest }) => copies.get(digest)?.info ?? []),
        );
        for (const info of infos) if (!skip?.(info.digest)) yield info;
      }
    },

    ingest: ({ expect = {} } = {}) =>
      Promise.resolve(draft(expect, (blob, bytes) =>
        tell(`commit ${short(blob.digest)}`, () => {
          const there = copies.get(blob.digest);
          if (exact || there?.info.size !== blob.size) publish(blob, bytes);
        }))),
    async *ingests() {},
    abort: (ref) =>
      Promise.reject(new OciError("not_found", `Cannot abort "${ref}": no such write`)),

    // Every copy by a request of its own.
    delete: (seen, { until, batch } = {}) =>
      Promise.all(seen.map(async (blob): Promise<Removal> => {
        const { digest } = blob;
        const removal = (outcome: Removal["outcome"]): Removal => ({ digest, outcome });
        return await world.request(
          process,
          `delete ${short(digest)}`,
          () => removal(remove(blob, until, batch)),
          { writes: true, unsure: () => removal("unknown") },
        ).catch(() => removal("failed"));
      })),

    ...(exact
      ? {
        renew: (seen: BlobInfo) =>
          tell(`renew ${short(seen.digest)}`, () => {
            const copy = copies.get(seen.digest);
            if (copy && copy.info.version === seen.version) {
              return laws.renewalsRenew ? publish(copy.info, copy.bytes) : copy.info;
            }
            throw new OciError("conflict", `Cannot renew ${seen.digest}: it is gone or replaced`);
          }),
      }
      : { deleteBound: BOUND }),

    ...(laws.trash
      ? {
        trash: {
          async *list() {
            yield* await ask("list the trash", () =>
              [...trash.values()].map(({ batch, removed, info: { digest, size } }) => (
                { batch, digest, size, removed }
              )));
          },
          restore: (batch: string, digest: Digest) =>
            tell(`restore ${short(digest)}`, () => {
              const entry = trash.get(`${batch}/${digest}`);
              if (entry && !copies.has(digest)) {
                publish(entry.info, entry.bytes);
              }
              trash.delete(`${batch}/${digest}`);
              return copies.has(digest);
            }),
          purge: (batch: string, digest: Digest) =>
            tell(`purge ${short(digest)}`, () =>
              void trash.delete(`${batch}/${digest}`)),
        },
      }
      : {}),
  };
}

/** A write that nobody sees before its commit, so only that is a request. */
function draft(
  { size, digest }: Partial<BlobInfo>,
  commit: (blob: BlobInfo, bytes: Uint8Array) => Promise<void>,
): Ingest {
  const chunks: Uint8Array[] = [];
  const time = new Date(EPOCH);
  return {
    status: {
      ref: "",
      offset: 0,
      startedAt: time,
      updatedAt: time,
      ...(size === undefined ? {} : { total: size }),
      ...(digest === undefined ? {} : { expected: digest }),
    },
    stored: () => Promise.resolve(streamOf(...chunks)),
    writable: new WritableStream({ write: (chunk) => void chunks.push(chunk.slice()) }),
    commit: (blob) => commit(blob, Uint8Array.from(chunks.flatMap((chunk) => [...chunk]))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function streamOf(...chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
}

/** A digest that people can tell from others. */
export function short(digest: string): string {
  return digest.slice(7, 13);
}
