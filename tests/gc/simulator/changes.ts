// Ways to change one thing in a process, and nothing else: what it reads, what it writes, what it makes sure of.
import {
  type Backend,
  type Collection,
  collectionOf,
  type CollectionState,
  type Docs,
  type ImageIndex,
  type Root,
  STATE,
  type Store,
  withCollection,
} from "../../../core/mod.ts";
import { createStamps } from "../../../core/fence.ts";

/** A backend whose documents go through other hands. */
export function withDocs(backend: Backend, change: (docs: Docs) => Partial<Docs>): Backend {
  return { ...backend, docs: { ...backend.docs, ...change(backend.docs) } };
}

/** A backend that shows another state of the collection; what is written is `correct`ed by what stood there. */
export function withState(
  backend: Backend,
  show: (state: CollectionState) => CollectionState,
  correct = (written: CollectionState, _stood: CollectionState | undefined) => written,
): Backend {
  const stood = new Map<string | undefined, CollectionState>();
  return withDocs(backend, ({ load, swap }) => ({
    async load(name, options) {
      const doc = await load(name, options);
      if (name !== STATE || !doc) return doc;
      const state: CollectionState = JSON.parse(doc.text);
      stood.set(doc.version, state);
      return { ...doc, text: JSON.stringify(show(state)) };
    },
    swap(name, text, seen) {
      if (name !== STATE || text === undefined) return swap(name, text, seen);
      const written = correct(JSON.parse(text), stood.get(seen?.version));
      return swap(name, JSON.stringify(written), seen);
    },
  }));
}

/** A store with another root. */
export function withRoot(store: Store, change: (root: Root) => Partial<Root>): Store {
  const { root } = store;
  const changed: Root = {
    get epoch() {
      return root.epoch;
    },
    get collection() {
      return root.collection;
    },
    get era() {
      return root.era;
    },
    load: () => root.load(),
    edit: (operation, signal) => root.edit(operation, signal),
    ...change(root),
  };
  return { ...store, root: changed };
}

/** A store that makes sure of blobs in another way. */
export function withStamps(
  store: Store,
  change: (stamps: Store["stamps"]) => Partial<Store["stamps"]>,
): Store {
  return { ...store, stamps: { ...store.stamps, ...change(store.stamps) } };
}

/** A store that looks first and consults then. */
export function lookingFirst(store: Store): Store {
  const { backend: { blobs }, stamps: { consult } } = store;
  const stamps = createStamps({
    ...blobs,
    async stat(digest) {
      const seen = await blobs.stat(digest);
      await consult(digest);
      return seen;
    },
  });
  return { ...store, stamps };
}

/** A store whose collections are announced to nobody: its own process alone believes in their fences. */
export function unfenced(store: Store): Store {
  let own: Collection | undefined;
  const seen = (index: ImageIndex) => own ? withCollection(index, own) : index;
  return withRoot(store, (root) => ({
    load: async () => seen(await root.load()),
    async edit(operation) {
      const before = await root.load();
      const after = await operation(before);
      own = collectionOf(after);
      return { before, after };
    },
  }));
}

/** A store whose edits are not made anew when another was first: what the first attempt did is done again. */
export function stubborn(store: Store): Store {
  return withRoot(store, (root) => ({
    edit(operation, signal) {
      let first: { before: ImageIndex; after: ImageIndex } | undefined;
      const text = (entries: ImageIndex["manifests"]) => entries.map((one) => JSON.stringify(one));
      return root.edit(async (index) => {
        if (!first) {
          const after = await operation(index);
          first = { before: index, after };
          return after;
        }
        const { before, after } = first;
        const [had, has] = [new Set(text(before.manifests)), new Set(text(after.manifests))];
        const nameOf = (entry: ImageIndex["manifests"][number]) =>
          entry.annotations?.["org.opencontainers.image.ref.name"];
        const added = after.manifests.filter((one) => !had.has(JSON.stringify(one)));
        const stays = index.manifests.filter((one) =>
          (has.has(JSON.stringify(one)) || !had.has(JSON.stringify(one))) &&
          !added.some((other) => nameOf(other) === nameOf(one))
        );
        return { ...index, manifests: [...stays, ...added] };
      }, signal);
    },
  }));
}

/** A store in which all edits that wait share one swap, whatever they are; each waits a moment for others. */
export function crowded(store: Store): Store {
  return withRoot(store, (root) => {
    type Waiting = {
      operation: Parameters<Root["edit"]>[0];
      settle: PromiseWithResolvers<{ before: ImageIndex; after: ImageIndex }>;
    };
    let queue: Waiting[] = [];
    let last: Promise<unknown> = Promise.resolve();
    const flush = async () => {
      await store.clock.sleep(20);
      const batch = queue;
      queue = [];
      let done: (() => void)[] = [];
      await root.edit(async (index) => {
        done = [];
        for (const { operation, settle } of batch) {
          const before = index;
          try {
            const after = index = await operation(before);
            done.push(() => settle.resolve({ before, after }));
          } catch (error) {
            done.push(() => settle.reject(error));
          }
        }
        return index;
      }).catch((error) => batch.forEach(({ settle }) => settle.reject(error)));
      for (const tell of done) tell();
    };
    return {
      edit(operation) {
        const settle = Promise.withResolvers<{ before: ImageIndex; after: ImageIndex }>();
        queue.push({ operation, settle });
        if (queue.length === 1) last = last.then(flush);
        return settle.promise;
      },
    };
  });
}
