import {
  type BlobInfo,
  type Blobs,
  type Digest,
  OciError,
  type Removal,
} from "../../../core/mod.ts";
import { draft, streamOf } from "./draft.ts";
import { BOUND, nodeTime, type Shelf, short } from "./shelf.ts";
import type { Process } from "./process.ts";
import { EPOCH } from "./sleepers.ts";
import type { World } from "./world.ts";

/** The blobs of a store as a process sees them. */
export function blobsOf(world: World, shelf: Shelf, process: Process): Blobs {
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
          purge: (batch: string, digest?: Digest) =>
            tell(`purge ${digest ? short(digest) : batch}`, () => {
              if (digest !== undefined) {
                return void trash.delete(`${batch}/${digest}`);
              }
              for (const [key, entry] of trash) {
                if (entry.batch === batch) {
                  trash.delete(key);
                }
              }
            }),
        },
      }
      : {}),
  };
}
