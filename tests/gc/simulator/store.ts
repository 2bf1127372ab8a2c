// A store in maps, each of whose operations is a request to the world.
import { type Backend, type Lock, OciError } from "../../../core/mod.ts";
import { nodeTime, type Shelf } from "./shelf.ts";
import { blobsOf } from "./store_blobs.ts";
import type { Process } from "./process.ts";
import { EPOCH } from "./sleepers.ts";
import type { World } from "./world.ts";

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

const excludingNobody: Lock = {
  acquire: () =>
    Promise.resolve({
      signal: new AbortController().signal,
      assertHeld() {},
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
};
