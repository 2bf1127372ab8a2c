// What carries both protocols.
import { seal } from "../../../core/sealed_text.ts";
import { crowded, stubborn, unfenced, withDocs, withRoot, withStamps } from "./changes.ts";
import { fair, type Mutation, prompt } from "./mutation.ts";
import type { Laws } from "./shelf.ts";

const writers = "writer";
const collectors = "collector";

/** What is taken away however copies are deleted. */
export const mutationsOf = (laws: Pick<Laws, "protocol">): readonly Mutation[] => [
  {
    name: "what was made sure of counts in later epochs",
    setting: {
      laws,
      changes: {
        store: (store) => {
          const sizes = new Map<string, number>();
          return withStamps(store, ({ set, ensure }) => ({
            set(blob, era) {
              sizes.set(blob.digest, blob.size);
              set(blob, era);
            },
            ensure: async (digest, era) => sizes.get(digest) ?? await ensure(digest, era),
          }));
        },
      },
    },
  },
  {
    name: "a blob is stamped in the epoch of the end of its adoption",
    setting: {
      laws,
      scenario: { threads: 4, images: 2, grace: 0 },
      weather: { delays: 0.1, arrivals: 0.02, faults: 0, crashes: 0 },
      changes: {
        store: (store) =>
          withStamps(store, ({ set }) => ({ set: (blob) => set(blob, store.root.era) })),
      },
    },
  },
  {
    name: "an index that another program has written counts as ours",
    setting: {
      laws,
      scenario: { ...prompt, strangers: 2, runs: 1, threads: 1, drops: false, undo: false },
      weather: fair,
      changes: {
        store: (store) =>
          withRoot(store, (root) => ({
            get era() {
              return `${root.epoch}`;
            },
          })),
      },
    },
  },
  {
    name: "no fence is set",
    setting: {
      laws,
      changes: { store: (store, role) => role === collectors ? unfenced(store) : store },
      scenario: { drops: false, threads: 1 },
    },
  },
  {
    name: "edits behind a fence share its swap",
    setting: {
      laws,
      scenario: { threads: 4, images: 2, grace: 0 },
      weather: { faults: 0, crashes: 0 },
      changes: { store: crowded },
    },
  },
  {
    name: "an edit is not judged anew after a lost swap",
    setting: {
      laws,
      changes: { store: (store, role) => role === writers ? stubborn(store) : store },
    },
  },
  {
    name: "nothing is marked again at the fence",
    setting: {
      laws,
      changes: {
        options: (options) => ({
          ...options,
          narrow: (plan) => ({
            ...plan,
            mark: {
              ...plan.mark,
              add: () => Promise.resolve(),
              live: { size: 0, has: () => false, hasHex: () => false, add: () => false },
            },
          }),
        }),
      },
    },
  },
  {
    name: "no quarantine is kept",
    setting: {
      laws,
      scenario: { quarantine: 600_000, readers: 3, skewed: false, deletes: false, drops: true },
      changes: { options: (options) => ({ ...options, quarantine: 0 }) },
    },
  },
  {
    name: "a swap does not compare",
    setting: { laws: { ...laws, swapsCompare: false } },
  },
  {
    name: "a writer does not know its own swap again",
    setting: {
      laws,
      weather: { faults: 0.08 },
      changes: {
        backend: (backend, role) =>
          role !== writers ? backend : withDocs(backend, ({ load }) => ({
            async load(name, options) {
              const doc = await load(name, options);
              if (name !== "index.json" || !doc) return doc;
              const open = doc.text.replace(/,"dev.stowage.seal":"[^"]*"/, "");
              return {
                ...doc,
                text: seal(open.slice(0, -2).replace(/("dev.stowage.writers":")[^"]*/, "$1")),
              };
            },
          })),
      },
    },
  },
];
