// Where a delete takes the copy that was seen, and no other.
import { epochOf } from "../../../core/mod.ts";
import { withRoot } from "./changes.ts";
import { fair, type Mutation, prompt } from "./mutation.ts";

const exact = { protocol: "exact" } as const;
const writers = "writer";

/** What is taken away there. */
export const exactMutations: readonly Mutation[] = [
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
];
