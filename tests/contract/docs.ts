import assert from "node:assert/strict";
import { type Backend, type Doc, isOciError } from "../../core/mod.ts";
import { all, type Cases, fails } from "./suite.ts";

const NAME = "index.json";

async function loaded(store: Backend, name = NAME): Promise<Doc> {
  const doc = await store.docs.load(name);
  assert.ok(doc, `${name} is not there`);
  return doc;
}

/** Adds one to the number in the document, again for as long as others are faster. */
async function increment(store: Backend): Promise<void> {
  while (true) {
    const seen = await store.docs.load(NAME);
    try {
      return void await store.docs.swap(NAME, String(Number(seen?.text ?? "0") + 1), seen);
    } catch (error) {
      if (!isOciError(error, "conflict")) throw error;
    }
  }
}

/** Documents: they change whole, and only as they were seen. */
export const docs: Cases = {
  "a document that is not there is undefined, and can be removed": async ({ place }) => {
    const store = await place();
    assert.equal(await store.docs.load(NAME), undefined);
    assert.equal(await store.docs.swap(NAME, undefined, undefined), undefined);
    assert.deepEqual(await all(store.docs.list("")), []);
  },

  "what swap returns is what everybody loads": async ({ place, reopen }) => {
    const store = await place();
    const text = '{"ünï":"\u{1f40b}\\u0000","lines":"a\\n\\tb"}';
    const doc = await store.docs.swap(NAME, text, undefined);
    assert.equal(doc?.text, text);
    assert.deepEqual(await loaded(store), doc);
    const other = await reopen(store);
    assert.deepEqual(await loaded(other), doc);
    const next = await other.docs.swap(NAME, "{}", doc);
    assert.deepEqual(await loaded(store), next);
  },

  "of eight who create a document one does, the others get conflict": async ({ place, reopen }) => {
    const store = await place();
    const stores = [store, await reopen(store)];
    const results = await Promise.allSettled(
      Array.from(
        { length: 8 },
        (_, i) => (stores[i % 2] ?? store).docs.swap(NAME, `${i}`, undefined),
      ),
    );
    const [winner, ...more] = results.filter((result) => result.status === "fulfilled");
    assert.ok(winner && more.length === 0);
    for (const result of results) {
      if (result.status === "rejected") await fails(Promise.reject(result.reason), "conflict");
    }
    assert.deepEqual(await loaded(store), winner.value);
  },

  "a swap on anything but the last version is a conflict and changes nothing": async (
    { place, reopen },
  ) => {
    const store = await place();
    const other = await reopen(store);
    const first = await store.docs.swap(NAME, "1", undefined);
    const second = await other.docs.swap(NAME, "2", first);
    for (const stale of [undefined, first]) {
      await fails(store.docs.swap(NAME, "3", stale), "conflict");
      await fails(store.docs.swap(NAME, undefined, stale), "conflict");
    }
    assert.deepEqual(await loaded(store), second);
  },

  "a removed document is gone, and what was seen of it is stale": async ({ place, reopen }) => {
    const store = await place();
    const first = await store.docs.swap(NAME, "1", undefined);
    assert.equal(await (await reopen(store)).docs.swap(NAME, undefined, first), undefined);
    assert.equal(await store.docs.load(NAME), undefined);
    assert.deepEqual(await all(store.docs.list("")), []);
    await fails(store.docs.swap(NAME, "2", first), "conflict");
    await fails(store.docs.swap(NAME, undefined, first), "conflict");
    const again = await store.docs.swap(NAME, "1", undefined);
    assert.notEqual(again?.version, first?.version);
    await fails(store.docs.swap(NAME, "2", first), "conflict");
  },

  "versions differ after a, b, a, however fast, and after equal text": async ({ place }) => {
    const store = await place();
    const versions: string[] = [];
    let doc: Doc | undefined;
    for (const text of ["a", "b", "a", "b", "a", "a", "a"]) {
      doc = await store.docs.swap(NAME, text, doc);
      assert.equal(doc?.text, text);
      versions.push(doc?.version ?? "");
    }
    assert.equal(new Set(versions).size, versions.length, versions.join(" "));
  },

  "a limit counts bytes, and one byte more is size_exceeded": async ({ place }) => {
    const store = await place();
    const text = JSON.stringify("ü".repeat(1000));
    await store.docs.swap(NAME, text, undefined);
    assert.equal((await store.docs.load(NAME, { limit: 2002 }))?.text, text);
    await fails(store.docs.load(NAME, { limit: 2001 }), "size_exceeded");
    assert.equal(await store.docs.load("missing.json", { limit: 1 }), undefined);
  },

  "eight workers, ten increments each, make eighty": async ({ place, reopen }) => {
    const store = await place();
    const stores = [store, await reopen(store), await reopen(store), await reopen(store)];
    await Promise.all(Array.from({ length: 8 }, async (_, i) => {
      for (let n = 0; n < 10; n++) await increment(stores[i % 4] ?? store);
    }));
    assert.equal((await loaded(store)).text, "80");
  },

  "names have folders, and are listed by how they begin": async ({ place }) => {
    const store = await place();
    const names = [
      "index.json",
      "oci-layout",
      ".stowage/layout.json",
      ".stowage/labels/ab.json",
      ".stowage/labels/ac.json",
      ".stowage/labels-old.json",
      `.stowage/gc/12.9f/00`,
    ];
    for (const name of names) await store.docs.swap(name, JSON.stringify(name), undefined);
    for (const name of names) assert.equal((await loaded(store, name)).text, JSON.stringify(name));
    for (
      const prefix of [
        "",
        ".stowage/",
        ".stowage/labels/",
        ".stowage/labels",
        ".stowage/labels/ab",
        ".stowage/no/",
        "x",
      ]
    ) {
      const found = (await all(store.docs.list(prefix))).sort();
      assert.deepEqual(found, names.filter((name) => name.startsWith(prefix)).sort(), prefix);
    }
    await store.docs.swap(
      ".stowage/labels/ab.json",
      undefined,
      await loaded(store, ".stowage/labels/ab.json"),
    );
    assert.deepEqual(await all(store.docs.list(".stowage/labels/")), [".stowage/labels/ac.json"]);
  },

  "documents and blobs do not show in each other's listings": async ({ place }) => {
    const store = await place();
    await using ingest = await store.blobs.ingest({ ref: "named" });
    await store.docs.swap(NAME, "{}", undefined);
    await store.docs.swap(".stowage/layout.json", "{}", undefined);
    assert.equal(ingest.status.offset, 0);
    assert.deepEqual(await all(store.blobs.list()), []);
    assert.deepEqual((await all(store.docs.list(""))).sort(), [".stowage/layout.json", NAME]);
  },
};
