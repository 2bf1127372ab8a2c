// Each protection of the protocol, and how to take away that one alone.
import { epochOf, type Removal } from "../../../core/mod.ts";
import { seal } from "../../../core/sealed_text.ts";
import { withBlobs } from "../../faults.ts";
import {
  crowded,
  lookingFirst,
  stubborn,
  unfenced,
  withDocs,
  withRoot,
  withStamps,
  withState,
} from "./changes.ts";
import type { Setting } from "./simulate.ts";
import type { Laws } from "./store.ts";

/** A protection that is taken away. */
export interface Mutation {
  /** What is missing, as a sentence. */
  readonly name: string;
  readonly setting: Setting & { readonly laws: Pick<Laws, "protocol"> };
}

const exact = { protocol: "exact" } as const;
const deadline = { protocol: "deadline" } as const;
/** Collections that take what they can at once. */
const prompt = { grace: 0, quarantine: 0, images: 2 } as const;
/** Each process does one thing, at once. */
const alone = { runs: 1, threads: 1, pause: 0, drops: false, undo: false } as const;
/** Nothing goes wrong but what is named besides. */
const fair = { faults: 0, crashes: 0, jumps: 0, delays: 0 } as const;
/** Deletes that nobody knows the outcome of, and that arrive much later. */
const slowDeletes = {
  faults: 0.7,
  frail: /^delete/,
  fates: ["late", "twice"],
  arrivals: 0.005,
} as const;
const writers = "writer";
const collectors = "collector";

/** All of them. */
export const mutations: readonly Mutation[] = [
  ...[exact, deadline].flatMap((laws): Mutation[] => [
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
                return { ...doc, text: seal(open.replace(/("dev.stowage.writers":")[^"]*/, "$1")) };
              },
            })),
        },
      },
    },
  ]),
  {
    name: "a delete takes whatever copy is there",
    setting: { laws: { ...exact, deletesCompare: false } },
  },
  {
    name: "no grace is given",
    setting: {
      laws: exact,
      scenario: {
        grace: 3_600_000,
        skewed: false,
        deletes: false,
        quarantine: 0,
        images: 2,
        pause: 0,
      },
      weather: { ...fair, jumps: 0.05 },
      changes: { options: (options) => ({ ...options, grace: 0 }) },
    },
  },
  {
    name: "an adopted copy stays the one it was",
    setting: { laws: { ...exact, renewalsRenew: false } },
  },
  {
    name: "versions follow content",
    setting: { laws: { ...exact, versionsAreNew: false } },
  },
  {
    name: "a deletion sets no fence",
    setting: {
      laws: exact,
      scenario: { ...prompt, deletes: true, collectors: 0, edits: 4 },
      weather: fair,
      changes: {
        store: (store, role) =>
          role !== writers ? store : withRoot(store, ({ edit }) => ({
            edit: (operation, signal) =>
              edit(async (index) => {
                const after = await operation(index);
                if (epochOf(after) === epochOf(index)) return after;
                return { ...index, manifests: after.manifests };
              }, signal),
          })),
      },
    },
  },
  {
    name: "deletes take effect after their deadline",
    setting: {
      laws: { ...deadline, deletesEnd: false },
      scenario: prompt,
      weather: { ...fair, ...slowDeletes },
    },
  },
  {
    name: "writers do not consult",
    setting: {
      laws: deadline,
      changes: {
        backend: (backend, role) =>
          role === writers ? withState(backend, (state) => ({ ...state, phase: "done" })) : backend,
      },
    },
  },
  {
    name: "writers do not take back what is condemned",
    setting: {
      laws: deadline,
      changes: {
        backend: (backend, role) =>
          role !== writers ? backend : withState(backend, (state) => ({
            ...state,
            shards: {
              n: state.shards.n.replaceAll("C", "X"),
              l: state.shards.l.replaceAll("C", "X"),
            },
          })),
      },
    },
  },
  {
    name: "writers do not wait for what is being deleted",
    setting: {
      laws: deadline,
      scenario: prompt,
      weather: { ...fair, ...slowDeletes },
      changes: {
        backend: (backend, role) =>
          role !== writers ? backend : withState(
            backend,
            (state) => ({
              ...state,
              shards: {
                n: state.shards.n.replaceAll("D", "X"),
                l: state.shards.l.replaceAll("D", "X"),
              },
            }),
            (written, stood) => ({ ...written, shards: stood?.shards ?? written.shards }),
          ),
      },
    },
  },
  {
    name: "writers look before they consult",
    setting: {
      laws: deadline,
      changes: { store: (store, role) => role === writers ? lookingFirst(store) : store },
    },
  },
  {
    name: "a claim does not heed what was taken back",
    setting: {
      laws: deadline,
      changes: {
        backend: (backend, role) =>
          role !== collectors ? backend : withState(
            backend,
            (state) => ({ ...state, rescued: [] }),
            (written, stood) => ({
              ...written,
              rescued: written.run === stood?.run
                ? [...new Set([...stood.rescued, ...written.rescued])]
                : written.rescued,
            }),
          ),
      },
    },
  },
  {
    name: "a claim does not compare",
    setting: {
      laws: deadline,
      scenario: { ...prompt, ...alone, collectors: 1 },
      weather: { ...fair, order: "ranked" },
      changes: {
        backend: (backend, role) =>
          role !== collectors ? backend : withDocs(backend, ({ load, swap }) => ({
            async swap(name, text, seen) {
              const blind = /"deadline"/.test(text ?? "") && !/"done"/.test(text ?? "");
              return await swap(name, text, blind ? await load(name) : seen);
            },
          })),
      },
    },
  },
  {
    name: "a shard is over before every delete is answered",
    setting: {
      laws: deadline,
      scenario: prompt,
      weather: { ...fair, ...slowDeletes },
      changes: {
        backend: (backend) =>
          withBlobs(backend, (blobs) => ({
            delete: async (seen, options) =>
              (await blobs.delete(seen, options)).map((removal): Removal =>
                removal.outcome === "unknown" ? { ...removal, outcome: "failed" } : removal
              ),
          })),
      },
    },
  },
  {
    name: "an expired claim is sent again",
    setting: {
      laws: deadline,
      scenario: { ...prompt, collectors: 1, edits: 3, pause: 200_000 },
      weather: { ...fair, ...slowDeletes, crashes: 1, fatal: /^delete/ },
      changes: {
        backend: (backend, role) => {
          if (role !== collectors) return backend;
          return withState(backend, (state) => ({
            ...state,
            shards: {
              n: state.shards.n.replaceAll("D", "C"),
              l: state.shards.l.replaceAll("D", "C"),
            },
          }));
        },
      },
    },
  },
  {
    name: "a new epoch does not wait for the claims of the last",
    setting: {
      laws: deadline,
      scenario: prompt,
      weather: { ...fair, ...slowDeletes, crashes: 1, fatal: /^delete/ },
      changes: {
        backend: (backend, role) =>
          role !== collectors ? backend : withState(backend, (state) => ({
            ...state,
            shards: {
              n: state.shards.n.replaceAll("D", "X"),
              l: state.shards.l.replaceAll("D", "X"),
            },
          })),
      },
    },
  },
  {
    name: "a claim ends with its requests, whatever the clocks of the store",
    setting: {
      laws: deadline,
      scenario: prompt,
      weather: { ...fair, ...slowDeletes, faults: 1, arrivals: 0.01 },
      changes: {
        backend: (backend, role) =>
          role !== collectors ? backend : withState(
            backend,
            (state) => state,
            (written) => ({
              ...written,
              claims: Object.fromEntries(
                Object.entries(written.claims).map(([name, claim]) => [
                  name,
                  { ...claim, deadline: claim.deadline - 30_000 },
                ]),
              ),
            }),
          ),
      },
    },
  },
];
