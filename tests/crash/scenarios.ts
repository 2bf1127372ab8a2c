// What a process is killed in the midst of, on the level of the backend.
import { type Backend, type BlobInfo, createDigester, type Digest } from "../../core/mod.ts";
import { all, blobOf, put, seen, utf8, write } from "../contract/suite.ts";
import type { TarBackend } from "../../plugins/tar/open.ts";
import { openAt } from "./places.ts";

/** Steps at which something else happens, by name. */
export type Meanwhile = Readonly<Record<string, () => Promise<unknown>>>;

/** One thing that a process does. */
export interface Scenario {
  /** Makes the place as the process finds it. */
  prepare?(store: Backend, path: string): Promise<unknown>;
  /** Does it; `told` is called with each name that is acknowledged. */
  run(store: Backend, path: string, told: (name: string) => void): Promise<unknown>;
  /** What others do while it runs. */
  meanwhile?(path: string): Meanwhile;
  /** Throws unless what must hold after any kill does. */
  check?(store: Backend): Promise<unknown>;
}

const old = utf8("an old blob");
const half = utf8("half of ");
const whole = utf8("half of a blob");

const oldBlob = (store: Backend): Promise<BlobInfo> => seen(store, blobOf(old).digest);

async function isToBeHad(store: Backend): Promise<void> {
  if (await store.blobs.stat(blobOf(old).digest)) return;
  if (!await store.blobs.trash?.restore("1", blobOf(old).digest)) {
    throw new Error("The blob is neither in its place nor in the trash");
  }
}

async function comesBack(store: Backend): Promise<void> {
  await store.blobs.trash?.restore("1", blobOf(old).digest);
  await oldBlob(store);
}

/** Names in the index and the blobs they lead to: as much of an index as a backend need know. */
export type Names = Readonly<Record<string, Digest>>;

/** The names that the index holds. */
export async function namesIn(store: Backend): Promise<Names> {
  return JSON.parse((await store.docs.load("index.json"))?.text ?? "{}");
}

/** Stores a blob and gives it a name, again for as long as others are faster. */
export async function push(store: Backend, name: string): Promise<void> {
  const { digest } = await put(store, utf8(`the blob of ${name}`));
  while (true) {
    const doc = await store.docs.load("index.json");
    const names: Names = { ...JSON.parse(doc?.text ?? "{}"), [name]: digest };
    try {
      return void await store.docs.swap("index.json", JSON.stringify(names), doc);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "conflict") throw error;
    }
  }
}

async function assertStored(store: Backend, digest: Digest): Promise<void> {
  const digester = createDigester();
  for await (const chunk of await store.blobs.read(digest)) digester.update(chunk);
  const found = digester.digest();
  if (found !== digest) throw new Error(`${digest} hashes to ${found}`);
}

/** Throws unless every name leads to its blob, and every blob hashes to its name. */
export async function assertSound(store: Backend): Promise<void> {
  for (const digest of Object.values(await namesIn(store))) await assertStored(store, digest);
  for (const { digest } of await all(store.blobs.list())) await assertStored(store, digest);
}

/** All that is done with a directory. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  "the first push into a missing place": {
    async run(store, _, told) {
      await push(store, "new");
      told("new");
    },
  },
  "a push": {
    prepare: (store) => push(store, "base").then(() => push(store, "second")),
    async run(store, _, told) {
      await push(store, "new");
      told("new");
    },
    check: async (store) => {
      const names = await namesIn(store);
      if (!names.base || !names.second) throw new Error("A name that was there is lost");
    },
  },
  "removing a document": {
    prepare: (store) => store.docs.swap(".stowage/labels/00.json", "{}", undefined),
    run: async (store) =>
      store.docs.swap(
        ".stowage/labels/00.json",
        undefined,
        await store.docs.load(".stowage/labels/00.json"),
      ),
  },
  "a named write that goes on": {
    async prepare(store) {
      await using draft = await store.blobs.ingest({ ref: "draft" });
      await write(draft.writable, half);
    },
    async run(store) {
      await using draft = await store.blobs.ingest({ ref: "draft", expect: blobOf(whole) });
      await write(draft.writable, whole.slice(draft.status.offset));
      await draft.commit(blobOf(whole));
    },
    async check(store) {
      if (await store.blobs.stat(blobOf(whole).digest)) return;
      await using draft = await store.blobs.ingest({ ref: "draft" });
      const offset = draft.status.offset;
      if (offset < half.length) throw new Error(`Only ${offset} bytes of the write are left`);
      await write(draft.writable, whole.slice(offset));
      await draft.commit(blobOf(whole));
    },
  },
  "a named write that starts over": {
    async prepare(store) {
      await using draft = await store.blobs.ingest({ ref: "draft", expect: { size: 5 } });
      await write(draft.writable, utf8("hello"));
    },
    async run(store) {
      await using draft = await store.blobs.ingest({ ref: "draft", expect: blobOf(whole) });
      await write(draft.writable, whole);
    },
    async check(store) {
      await using draft = await store.blobs.ingest({ ref: "draft", expect: blobOf(whole) });
      await write(draft.writable, whole.slice(draft.status.offset));
      await draft.commit(blobOf(whole));
    },
  },
  "an abort": {
    async prepare(store) {
      await using draft = await store.blobs.ingest({ ref: "draft" });
      await write(draft.writable, half);
    },
    run: (store) => store.blobs.abort("draft"),
  },
  "a renewal": {
    prepare: (store) => put(store, old),
    run: async (store) => store.blobs.renew?.(await oldBlob(store)),
    check: oldBlob,
  },
  "a deletion": {
    prepare: (store) => put(store, old),
    run: async (store) => store.blobs.delete([await oldBlob(store)], { batch: "1" }),
    check: isToBeHad,
  },
  "a deletion of what is adopted meanwhile": {
    prepare: (store) => put(store, old),
    run: async (store) => store.blobs.delete([await oldBlob(store)], { batch: "1" }),
    meanwhile: (path) => ({
      "take blob": async () => {
        const other = await openAt(path);
        await other.blobs.renew?.(await oldBlob(other));
      },
    }),
    check: oldBlob,
  },
  "a restoration": {
    async prepare(store) {
      await store.blobs.delete([await put(store, old)], { batch: "1" });
    },
    run: (store) => store.blobs.trash?.restore("1", blobOf(old).digest) ?? Promise.resolve(),
    check: comesBack,
  },
  "a purge": {
    async prepare(store) {
      await store.blobs.delete([await put(store, old)], { batch: "1" });
    },
    run: (store) => store.blobs.trash?.purge("1", blobOf(old).digest) ?? Promise.resolve(),
  },
  "a purge of a batch": {
    async prepare(store) {
      await store.blobs.delete([await put(store, old)], { batch: "1" });
    },
    run: (store) => store.blobs.trash?.purge("1") ?? Promise.resolve(),
  },
  "a renewal in an archive": {
    prepare: (store) => put(store, old).then(() => push(store, "base")),
    run: async (store) => store.blobs.renew?.(await oldBlob(store)),
    check: oldBlob,
  },
  "a deletion in an archive": {
    prepare: (store) => put(store, old).then(() => push(store, "base")),
    run: async (store) => store.blobs.delete([await oldBlob(store)], { batch: "1" }),
    check: isToBeHad,
  },
  "a restoration in an archive": {
    async prepare(store) {
      await put(store, old).then(() => push(store, "base"));
      await store.blobs.delete([await oldBlob(store)], { batch: "1" });
    },
    run: (store) => store.blobs.trash?.restore("1", blobOf(old).digest) ?? Promise.resolve(),
    check: comesBack,
  },
  "a compaction in an archive": {
    prepare: (store) => push(store, "base").then(() => push(store, "second")),
    run: (store) => (store as TarBackend).compact(),
    async check(store) {
      const names = await namesIn(store);
      if (!names["base"] || !names["second"]) throw new Error("A name that was there is lost");
    },
  },
  "an adoption": {
    async prepare(_, path) {
      await put(await openAt(`${path}/source`), old);
    },
    async run(store, path) {
      const source = await openAt(`${path}/source`);
      await store.blobs.adopt?.(source.url, await oldBlob(source));
    },
  },
};
