// The places that tests of a layout run on: each test once for every backend that is its own store.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { describe } from "node:test";
import {
  type Backend,
  type Clock,
  createRegistry,
  type Layout,
  type OpenBackend,
  openLayout,
  type OpenLayoutOptions,
  systemClock,
} from "../core/mod.ts";
import { directory, directoryUrl } from "../plugins/dir/mod.ts";
import { memory } from "../plugins/memory/mod.ts";
import { s3 } from "../plugins/s3/mod.ts";
import { archiveUrl, tar } from "../plugins/tar/mod.ts";
import { usual } from "./opening.ts";

const buckets = s3().backends?.["s3"];

/** A store whose own clock is as far ahead as that of whoever opens it. */
async function openAhead(...[url, options]: Parameters<OpenBackend>): Promise<Backend> {
  const backend = await buckets?.(url, options);
  if (!backend?.now) throw new Error("The plugin brings no backend with a clock");
  const { now } = backend;
  const ahead = options.clock.now() - systemClock.now();
  return { ...backend, now: async () => new Date((await now()).getTime() + ahead) };
}

/** The backends that tests open, by scheme. */
export const registry = createRegistry([
  memory(),
  directory(),
  tar(),
  { name: "s3", backends: { s3: openAhead } },
]);

/** An empty place that a layout may live in. What was opened in it is closed with it. */
export interface Place extends AsyncDisposable {
  readonly url: URL;
  /** Opens the store below the layout. */
  backend(): Promise<Backend>;
  /** Opens the layout, as another process would; mode `create` unless told otherwise. */
  open(options?: OpenLayoutOptions): Promise<Layout>;
  /** A document as it stands. */
  read(name: string): Promise<string | undefined>;
  /** Writes a document, or removes it, as another tool would: without a look at what stands there. */
  write(name: string, text: string | undefined): Promise<void>;
  /** All documents, or files and folders: what two moments can be told apart by. */
  snapshot(): Promise<Readonly<Record<string, string>>>;
}

type Documents = Pick<Place, "url" | "read" | "write" | "snapshot"> & { remove(): void };

let places = 0;

/** Documents as the backend has them. */
function documentsAt(url: URL): Documents {
  const docs = async () => (await registry.open(url, usual)).docs;
  const read = async (name: string) => (await (await docs()).load(name))?.text;
  return {
    url,
    read,
    async write(name, text) {
      const { load, swap } = await docs();
      await swap(name, text, await load(name));
    },
    async snapshot() {
      const names = await Array.fromAsync((await docs()).list(""));
      const all = names.sort().map(async (name) => [name, await read(name) ?? ""] as const);
      return Object.fromEntries(await Promise.all(all));
    },
    remove() {},
  };
}

/** Where buckets are reached, and by whom: told by tests that bring a server. */
const BUCKET = "STOWAGE_TEST_LAYOUTS_S3";

/** Fresh places, by the kind of store. */
const KINDS = {
  memory: () => documentsAt(new URL(`mem:layouts-${++places}`)),
  /** Whoever told of the bucket empties it. */
  s3(): Documents {
    const url = new URL(process.env[BUCKET] ?? "");
    url.pathname += `/layout-${++places}`;
    return documentsAt(url);
  },
  dir(): Documents {
    const base = mkdtempSync(join(tmpdir(), "stowage-"));
    const root = join(base, "layout");
    return {
      url: directoryUrl(root),
      read: (name) =>
        Promise.try(() => {
          const missing = !statSync(join(root, name), { throwIfNoEntry: false })?.isFile();
          return missing ? undefined : readFileSync(join(root, name), "utf8");
        }),
      write: (name, text) =>
        Promise.try(() => {
          mkdirSync(dirname(join(root, name)), { recursive: true });
          if (text === undefined) rmSync(join(root, name), { force: true });
          else writeFileSync(join(root, name), text);
        }),
      snapshot: () =>
        Promise.try(() => {
          if (!statSync(root, { throwIfNoEntry: false })) return {};
          const files = readdirSync(root, { recursive: true, withFileTypes: true }).map((file) => {
            const path = join(file.parentPath, file.name);
            return [path, file.isFile() ? readFileSync(path, "latin1") : "a folder"] as const;
          });
          return Object.fromEntries(files.sort(([a], [b]) => a < b ? -1 : 1));
        }),
      remove: () => rmSync(base, { recursive: true, force: true }),
    };
  },
  tar(): Documents {
    const base = mkdtempSync(join(tmpdir(), "stowage-"));
    const path = join(base, "layout.tar");
    const url = archiveUrl(path);
    const docs = async () => (await registry.open(url, usual)).docs;
    return {
      url,
      read: async (name) => (await (await docs()).load(name))?.text,
      async write(name, text) {
        const { load, swap } = await docs();
        await swap(name, text, await load(name));
      },
      snapshot: () =>
        Promise.try(() => {
          const files = readdirSync(base, { recursive: true, withFileTypes: true }).map((file) => {
            const path = join(file.parentPath, file.name);
            return [path, file.isFile() ? readFileSync(path, "latin1") : "a folder"] as const;
          });
          return Object.fromEntries(files.sort(([a], [b]) => a < b ? -1 : 1));
        }),
      remove: () => rmSync(base, { recursive: true, force: true }),
    };
  },
} as const;

/** The kinds of store. */
export type Kind = keyof typeof KINDS;

/** A fresh place in a kind of store. */
export function makePlace(kind: Kind): Place {
  const { remove, ...documents } = KINDS[kind]();
  const { url } = documents;
  const opened = new AsyncDisposableStack();
  opened.defer(remove);
  const { notice: _, ...options } = usual;
  return {
    ...documents,
    backend: async () => opened.use(await registry.open(url, usual)),
    open: async (more) => opened.use(await openLayout(url, { registry, ...options, ...more })),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/**
 * Describes what holds in every kind of store: those of this machine, or the bucket of the server that a test brings and
 * that is asked for the same then.
 */
export function everyLayout(name: string, body: (place: () => Place, kind: Kind) => void): void {
  const kinds = process.env[BUCKET] ? ["s3"] as const : ["memory", "dir", "tar"] as const;
  for (const kind of kinds) {
    describe(`${name}, ${kind}`, () => body(() => makePlace(kind), kind));
  }
}

/** Describes what the layout does of itself, whatever the store. */
export function inMemory(name: string, body: (place: () => Place) => void): void {
  if (process.env[BUCKET]) return;
  describe(name, () => body(() => makePlace("memory")));
}

/** A clock for which no time is lost in sleep; who sleeps oversleeps, twentyfold. */
export function hastyClock(): Clock {
  let slept = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + slept,
    elapsed: () => systemClock.elapsed() + slept,
    sleep: (ms) => Promise.resolve(void (slept += 20 * ms)),
  };
}
