// Where deletes end with a deadline: writers ask before they count on anything.
import { lookingFirst, withState } from "./changes.ts";
import { fair, type Mutation, prompt, slowDeletes } from "./mutation.ts";

const deadline = { protocol: "deadline" } as const;
const writers = "writer";

/** What is taken away of writers, and of the store. */
export const consultingMutations: readonly Mutation[] = [
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
];
